using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace NativeCollectives.Hosting;

/// <summary>
/// A group of a host: formed once, when the host starts or when somebody asks for it before, and left when the host
/// has stopped.
/// </summary>
internal sealed class HostedGroup : IHostedLifecycleService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ending;
    private readonly string? _serviceKey;
    private readonly IOptionsMonitor<DistributedGroupSettings> _settings;
    private readonly HostExit _exit;
    private readonly IHostApplicationLifetime? _lifetime;
    private readonly CollectiveObservers _observers;
    private readonly CollectiveLog _log;
    private readonly bool _hasLoggers;
    private Task<DistributedGroup>? _forming;
    private bool _isDisposed;

    /// <param name="services">
    /// The settings, the observers that the program has registered, loggers, and the lifetime of the host: when it is
    /// stopping, forming the group ends. Without loggers nothing is logged, without a host nothing ends.
    /// </param>
    /// <param name="serviceKey">The group's key; <see langword="null"/>: it has none.</param>
    internal HostedGroup(IServiceProvider services, string? serviceKey)
    {
        _serviceKey = serviceKey;
        _settings = services.GetRequiredService<IOptionsMonitor<DistributedGroupSettings>>();
        _exit = services.GetRequiredService<HostExit>();
        _lifetime = services.GetService<IHostApplicationLifetime>();
        var loggers = services.GetService<ILoggerFactory>();
        _hasLoggers = loggers is not null;
        _log = new CollectiveLog(loggers ?? NullLoggerFactory.Instance, serviceKey);
        _observers = new CollectiveObservers([_log, .. Observers(services, serviceKey)]);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(
            _lifetime?.ApplicationStopping ?? CancellationToken.None
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

    // Those without a key are told of every group.
    private static IEnumerable<CollectiveObserver> Observers(IServiceProvider services, string? serviceKey) =>
        serviceKey is null
            ? services.GetServices<CollectiveObserver>()
            : services
                .GetServices<CollectiveObserver>()
                .Concat(services.GetKeyedServices<CollectiveObserver>(serviceKey));

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
            async () =>
            {
                DistributedGroupSettings settings = _settings.Get(_serviceKey ?? Options.DefaultName);
                DistributedGroupOptions options = settings.ToGroupOptions();
                options.Observer = _observers;
                options.Log = _log.Write;
                options.IsLogHeard = _hasLoggers;
                DistributedGroup group = await DistributedGroup
                    .CreateAsync(options, settings.Environment, ending)
                    .ConfigureAwait(false);
                if (settings.StopHostOnFault && _lifetime is not null)
                {
                    FaultWatch.Start(group, _lifetime, _exit, _log);
                }

                return group;
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
