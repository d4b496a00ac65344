using Microsoft.Extensions.Logging;

namespace NativeCollectives.Hosting;

/// <summary>
/// Writes what happens to groups to three categories: forming them, failures that end them, leaving them.
/// </summary>
internal sealed partial class CollectiveLog : CollectiveObserver
{
    internal const string FormationCategory = "NativeCollectives.Formation";
    internal const string FaultsCategory = "NativeCollectives.Faults";
    internal const string TeardownCategory = "NativeCollectives.Teardown";

    private readonly ILogger _formation;
    private readonly ILogger _faults;
    private readonly ILogger _teardown;

    private readonly string _group;

    /// <param name="factory">What makes the loggers.</param>
    /// <param name="name">The name of the group; <see langword="null"/>: it has none.</param>
    internal CollectiveLog(ILoggerFactory factory, string? name)
    {
        _group = name is null ? "the group" : $"the group {name}";
        _formation = factory.CreateLogger(FormationCategory);
        _faults = factory.CreateLogger(FaultsCategory);
        _teardown = factory.CreateLogger(TeardownCategory);
    }

    internal override bool WantsOperations => false;

    public override void GroupFormed(DistributedGroup group, TimeSpan duration) =>
        Formed(_formation, _group, group.Rank, group.Size, group.BackendName, duration.TotalMilliseconds);

    public override void FormingFailed(Exception failure, TimeSpan duration)
    {
        if (failure is OperationCanceledException)
        {
            FormingCancelled(_formation, _group, duration.TotalMilliseconds);
        }
        else
        {
            NotFormed(_formation, _group, duration.TotalMilliseconds, failure.Message, failure);
        }
    }

    public override void GroupFaulted(DistributedGroup group, Exception failure) =>
        Faulted(_faults, _group, group.Rank, group.Size, group.BackendName, failure.Message, failure);

    public override void GroupDisposed(DistributedGroup group) =>
        Left(_teardown, _group, group.Rank, group.Size, group.BackendName);

    /// <summary>The host stops because a failure has ended the group.</summary>
    internal void Stopping(DistributedGroup group) =>
        HostStops(_faults, _group, group.Rank, group.Size, group.BackendName, group.FailureMessage);

    /// <summary>Takes a progress message of the library, whose errors are failures that end a group.</summary>
    internal void Write(CollectiveLogLevel level, string message)
    {
        switch (level)
        {
            case CollectiveLogLevel.Error:
                Failure(_faults, message);
                break;
            case CollectiveLogLevel.Warning:
                Warning(_formation, message);
                break;
            case CollectiveLogLevel.Information:
                Progress(_formation, message);
                break;
            default:
                Detail(_formation, message);
                break;
        }
    }

    [LoggerMessage(
        100,
        LogLevel.Information,
        "Formed {Group}: rank {Rank} of {Size} ({Backend}), in {Milliseconds:F0} ms."
    )]
    private static partial void Formed(
        ILogger logger,
        string group,
        int rank,
        int size,
        string backend,
        double milliseconds
    );

    [LoggerMessage(101, LogLevel.Error, "Forming {Group} failed after {Milliseconds:F0} ms: {Reason}")]
    private static partial void NotFormed(
        ILogger logger,
        string group,
        double milliseconds,
        string reason,
        Exception failure
    );

    [LoggerMessage(102, LogLevel.Information, "Forming {Group} was cancelled after {Milliseconds:F0} ms.")]
    private static partial void FormingCancelled(ILogger logger, string group, double milliseconds);

    [LoggerMessage(103, LogLevel.Warning, "{Message}")]
    private static partial void Warning(ILogger logger, string message);

    [LoggerMessage(104, LogLevel.Information, "{Message}")]
    private static partial void Progress(ILogger logger, string message);

    [LoggerMessage(105, LogLevel.Debug, "{Message}")]
    private static partial void Detail(ILogger logger, string message);

    // The first news of a failure, perhaps before any call of the program has met it.
    [LoggerMessage(200, LogLevel.Error, "A group has failed: {Message}")]
    private static partial void Failure(ILogger logger, string message);

    [LoggerMessage(
        201,
        LogLevel.Debug,
        "A call has met the failure of {Group}, rank {Rank} of {Size} ({Backend}): {Reason}"
    )]
    private static partial void Faulted(
        ILogger logger,
        string group,
        int rank,
        int size,
        string backend,
        string reason,
        Exception failure
    );

    [LoggerMessage(
        202,
        LogLevel.Critical,
        "The host stops, because {Group}, rank {Rank} of {Size} ({Backend}), has failed: {Reason}"
    )]
    private static partial void HostStops(
        ILogger logger,
        string group,
        int rank,
        int size,
        string backend,
        string? reason
    );

    [LoggerMessage(300, LogLevel.Information, "Left {Group}: rank {Rank} of {Size} ({Backend}).")]
    private static partial void Left(ILogger logger, string group, int rank, int size, string backend);
}
