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

    internal CollectiveLog(ILoggerFactory factory)
    {
        _formation = factory.CreateLogger(FormationCategory);
        _faults = factory.CreateLogger(FaultsCategory);
        _teardown = factory.CreateLogger(TeardownCategory);
    }

    public override void GroupFormed(DistributedGroup group, TimeSpan duration) =>
        Formed(_formation, group.Rank, group.Size, group.Backend, duration.TotalMilliseconds);

    public override void FormingFailed(Exception failure, TimeSpan duration)
    {
        if (failure is OperationCanceledException)
        {
            FormingCancelled(_formation, duration.TotalMilliseconds);
        }
        else
        {
            NotFormed(_formation, duration.TotalMilliseconds, failure.Message, failure);
        }
    }

    public override void GroupFaulted(DistributedGroup group, Exception failure) =>
        Faulted(_faults, group.Rank, group.Size, group.Backend, failure.Message, failure);

    public override void GroupDisposed(DistributedGroup group) =>
        Left(_teardown, group.Rank, group.Size, group.Backend);

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
        "Formed the group: rank {Rank} of {Size} ({Backend}), in {Milliseconds:F0} ms."
    )]
    private static partial void Formed(ILogger logger, int rank, int size, string backend, double milliseconds);

    [LoggerMessage(101, LogLevel.Error, "The group was not formed, after {Milliseconds:F0} ms: {Reason}")]
    private static partial void NotFormed(ILogger logger, double milliseconds, string reason, Exception failure);

    [LoggerMessage(102, LogLevel.Information, "Forming the group was cancelled after {Milliseconds:F0} ms.")]
    private static partial void FormingCancelled(ILogger logger, double milliseconds);

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
        "A call has met the failure of the group of rank {Rank} of {Size} ({Backend}): {Reason}"
    )]
    private static partial void Faulted(
        ILogger logger,
        int rank,
        int size,
        string backend,
        string reason,
        Exception failure
    );

    [LoggerMessage(300, LogLevel.Information, "Left the group of rank {Rank} of {Size} ({Backend}).")]
    private static partial void Left(ILogger logger, int rank, int size, string backend);
}
