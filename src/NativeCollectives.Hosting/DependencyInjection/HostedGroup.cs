using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace NativeCollectives.Hosting;

/// <summary>
/// The group of a host: formed once, when the host starts or when somebody asks for it before, and left when the host
/// has stopped.
/// </summary>
internal sealed class HostedGroup : IHostedLifecycleService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ending;
    private readonly IOptions<DistributedGroupSettings> _settings;
    private readonly CollectiveObservers _observers;
    private readonly CollectiveLog _log;
    private readonly bool _hasLoggers;
    private Task<DistributedGroup>? _forming;
    private bool _isDisposed;

    /// <param name="settings">How the group is formed.</param>
    /// <param name="metrics">What counts.</param>
    /// <param name="traces">What traces.</param>
    /// <param name="others">The observers that the program has registered.</param>
    /// <param name="loggers">What makes loggers; <see langword="null"/>: nothing is logged.</param>
    /// <param name="lifetime">
    /// The host's; <see langword="null"/> without a host. When it is stopping, forming the group ends.
    /// </param>
    public HostedGroup(
        IOptions<DistributedGroupSettings> settings,
        CollectiveMetrics metrics,
        CollectiveTraces traces,
        IEnumerable<CollectiveObserver> others,
        ILoggerFactory? loggers = null,
        IHostApplicationLifetime? lifetime = null
    )
    {
        _settings = settings;
        _hasLoggers = loggers is not null;
        _log = new CollectiveLog(loggers ?? NullLoggerFactory.Instance);
        _observers = new CollectiveObservers([metrics, traces, _log, .. others]);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(
            lifetime?.ApplicationStopping ?? CancellationToken.None
        );
    }

    /// <summary>
    /// What there is to say of the group's health; <see langword="null"/>: it is formed and has not failed.
    /// </summary>
    internal string? Ailment
    {
        get
        {
            Task<DistributedGroup>? forming;
            lock (_lock)
            {
                if (_isDisposed)
                {
                    return "The group was left.";
                }

                forming = _forming;
            }

            return forming switch
            {
                null or { IsCompleted: false } => "The group is not formed yet.",
                { IsCanceled: true } => "Forming the group was cancelled.",
                { IsFaulted: true } => $"The group was not formed. {forming.Exception!.InnerException!.Message}",
                // Asked of this group itself: messages and observers are those of groups split from it too.
                _ => forming.Result.FailureMessage,
            };
        }
    }

    /// <summary>The group, if it is formed.</summary>
    internal DistributedGroup? Current => _forming is { IsCompletedSuccessfully: true } formed ? formed.Result : null;

    /// <summary>The group. Blocks until it is formed.</summary>
    internal DistributedGroup Get() => FormAsync().GetAwaiter().GetResult();

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        // Whoever cancels the start cancels forming, not only the wait for it.
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static group => ((HostedGroup)group!).Cancel(),
            this
        );
        await FormAsync().ConfigureAwait(false);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // After every service has stopped: they may use the group until then.
    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        Task<DistributedGroup>? forming;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            forming = _forming;
        }

        Cancel();
        _ = forming?.ContinueWith(
            static formed => formed.Result.Dispose(),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
        _ending.Dispose();
    }

    private Task<DistributedGroup> FormAsync()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(DistributedGroup));
            return _forming ??= Form();
        }
    }

    private Task<DistributedGroup> Form()
    {
        CancellationToken ending = _ending.Token;

        // Reading the settings can take its time too.
        return Task.Run(
            () =>
            {
                DistributedGroupSettings settings = _settings.Value;
                DistributedGroupOptions options = settings.ToGroupOptions();
                options.Observer = _observers;
                options.Log = _log.Write;
                options.IsLogHeard = _hasLoggers;
                return DistributedGroup.CreateAsync(options, settings.Environment, ending);
            },
            CancellationToken.None
        );
    }

    private void Cancel()
    {
        try
        {
            _ending.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
    }
}
