using Microsoft.Extensions.Hosting;

namespace NativeCollectives.Hosting;

/// <summary>Stops the host when a failure ends its group, with an exit code that says so.</summary>
internal sealed class FaultWatch
{
    private readonly DistributedGroup _group;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly HostExit _exit;
    private readonly CollectiveLog _log;

    private FaultWatch(DistributedGroup group, IHostApplicationLifetime lifetime, HostExit exit, CollectiveLog log)
    {
        _group = group;
        _lifetime = lifetime;
        _exit = exit;
        _log = log;
    }

    internal static void Start(
        DistributedGroup group,
        IHostApplicationLifetime lifetime,
        HostExit exit,
        CollectiveLog log
    )
    {
        var watch = new FaultWatch(group, lifetime, exit, log);

        // A service that met the failure can end the host before the news comes: that is a failure all the same.
        lifetime.ApplicationStopping.UnsafeRegister(static watch => ((FaultWatch)watch!).Stopping(), watch);
        try
        {
            group.Faulted.UnsafeRegister(static watch => ((FaultWatch)watch!).Faulted(), watch);
        }
        catch (ObjectDisposedException)
        {
            // The host has ended meanwhile.
        }
    }

    private void Stopping()
    {
        if (_group.IsFaulted)
        {
            _exit.Fail();
        }
    }

    private void Faulted()
    {
        // What fails while the host stops does not matter: peers leave in whatever order.
        if (!_lifetime.ApplicationStopping.IsCancellationRequested)
        {
            _exit.Fail();
            _log.Stopping(_group);
            _lifetime.StopApplication();
        }
    }
}
