using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NativeCollectives.Hosting;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Hosting;

/// <summary>A group in a host: formed, watched, logged, left.</summary>
[Category("Hosting")]
[CancelAfter(60_000)]
public sealed class HostedGroupTests
{
    [Test]
    public async Task TheGroupLivesAsLongAsTheHost(CancellationToken cancellation)
    {
        using var host = HostOf([]);
        await host.StartAsync(cancellation);
        var group = host.Services.GetRequiredService<DistributedGroup>();
        Assert.That((group.Rank, group.Size), Is.EqualTo((0, 1)));
        await host.StopAsync(cancellation);
        Assert.Throws<ObjectDisposedException>(() => group.Barrier());
    }

    [Test]
    public async Task ServicesUseTheGroupFromTheirConstructionUntilTheyHaveStopped(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var first = HostOf(Ring(hosts, 0), services => services.AddHostedService<Summing>());
        using var second = HostOf(Ring(hosts, 1), services => services.AddHostedService<Summing>());
        await Task.WhenAll(
            new[] { first, second }.Select(host => Task.Run(() => host.StartAsync(cancellation), cancellation))
        );
        await Task.WhenAll(new[] { first, second }.Select(host => host.StopAsync(cancellation)));
        foreach (var host in new[] { first, second })
        {
            var summing = host.Services.GetServices<IHostedService>().OfType<Summing>().Single();
            Assert.That((summing.AtStart, summing.AtStop), Is.EqualTo((1, 11)));
        }
    }

    [Test]
    public async Task WhateverIsWrongIsFoundOnStart(CancellationToken cancellation)
    {
        using var host = HostOf(("Ring:Rank", "x"), ("Strikt", "1"));
        var exception = (await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(cancellation)))!;
        Assert.That(exception.Failures.Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task CodeHasTheLastWord(CancellationToken cancellation)
    {
        using var host = HostOf(
            [("Ring:Rank", "1"), ("Ring:Hosts", "a:1,b:1"), ("Backend", "ring")],
            configure: settings => settings.Backend = BackendKind.None
        );
        await host.StartAsync(cancellation);
        Assert.That(host.Services.GetRequiredService<DistributedGroup>().Size, Is.EqualTo(1));
        await host.StopAsync(cancellation);
    }

    /// <summary>As in the library itself: what code says is not looked for in the environment.</summary>
    [Test]
    public async Task CodeWinsOverMalformedVariables(CancellationToken cancellation)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var variables = Configurations.Of(
            [
                ("MLX_RANK", "nonsense"),
                ("MLX_HOSTFILE", ""),
                ("MASTER_ADDR", "a b"),
                ("MASTER_PORT", "1"),
                ("RANK", "0"),
                ("WORLD_SIZE", "2"),
            ],
            []
        );
        builder.Services.AddDistributedGroup(
            variables,
            settings =>
            {
                settings.Backend = BackendKind.Ring;
                settings.Ring = new RingOptions
                {
                    Rank = 0,
                    Hosts =
                    [
                        ["127.0.0.1:1"],
                    ],
                };
            }
        );
        using var host = builder.Build();
        await host.StartAsync(cancellation);
        Assert.That(host.Services.GetRequiredService<DistributedGroup>().Backend, Is.EqualTo(BackendKind.Ring));
        await host.StopAsync(cancellation);
    }

    [Test]
    public async Task AddingItTwiceAddsASecondDelegateOnly(CancellationToken cancellation)
    {
        using var host = HostOf(
            [],
            services =>
                services.AddDistributedGroup(
                    Configurations.Of(),
                    settings => settings.OperationTimeout = TimeSpan.FromSeconds(7)
                )
        );
        await host.StartAsync(cancellation);
        Assert.That(
            host.Services.GetRequiredService<IOptions<DistributedGroupSettings>>().Value.OperationTimeout,
            Is.EqualTo(TimeSpan.FromSeconds(7))
        );
        Assert.That(host.Services.GetServices<DistributedGroup>().Count(), Is.EqualTo(1));
        await host.StopAsync(cancellation);
    }

    [Test]
    public async Task CancellingTheStartEndsForming(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        using var host = HostOf(Ring(hosts, 0), services => services.AddSingleton<ILoggerProvider>(log));
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var starting = host.StartAsync(giveUp.Token);
        await log.WaitForAsync("NativeCollectives.Formation", "forming", cancellation);
        await giveUp.CancelAsync();
        await Assert.ThatAsync(() => starting, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(
            log.Lines,
            Has.Some.Matches<Log.Line>(line => line is { Category: "NativeCollectives.Formation", Id: 102 })
        );
    }

    /// <summary>Whoever waits in a constructor cannot be cancelled by a token, but by the end of the host.</summary>
    [Test]
    public async Task StoppingTheApplicationEndsFormingThatAConstructorWaitsFor(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        using var host = HostOf(
            Ring(hosts, 0),
            services => services.AddSingleton<ILoggerProvider>(log).AddHostedService<Summing>()
        );
        var starting = Task.Run(() => host.StartAsync(cancellation), cancellation);
        await log.WaitForAsync("NativeCollectives.Formation", "forming", cancellation);
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        await Assert.ThatAsync(() => starting, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task DisposingTheHostEndsForming(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        var host = HostOf(Ring(hosts, 0), services => services.AddSingleton<ILoggerProvider>(log));
        var starting = host.StartAsync(cancellation);
        await log.WaitForAsync("NativeCollectives.Formation", "forming", cancellation);
        host.Dispose();
        await Assert.ThatAsync(() => starting, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task AFailureToFormIsLoggedAndUnhealthy(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        using var host = HostOf(
            [.. Ring(hosts, 0), ("FormingTimeout", "00:00:00.2")],
            services => services.AddSingleton<ILoggerProvider>(log)
        );
        await Assert.ThrowsAsync<RendezvousException>(() => host.StartAsync(cancellation));
        Assert.That(
            log.Lines,
            Has.Some.Matches<Log.Line>(line =>
                line is { Category: "NativeCollectives.Formation", Id: 101, Level: LogLevel.Error }
            )
        );
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(cancellation);
        Assert.That(report.Entries["distributed_group"].Description, Does.StartWith("The group was not formed. "));
    }

    [Test]
    public async Task HealthAndLogsFollowTheGroup(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        using var first = HostOf(
            [.. Ring(hosts, 0), ("StopHostOnFault", "false")],
            services => services.AddSingleton<ILoggerProvider>(log)
        );
        using var second = HostOf([.. Ring(hosts, 1), ("StopHostOnFault", "false")]);
        var health = first.Services.GetRequiredService<HealthCheckService>();
        Assert.That(await Health(), Is.EqualTo((HealthStatus.Unhealthy, "The group is not formed yet.")));

        await Task.WhenAll(first.StartAsync(cancellation), second.StartAsync(cancellation));
        Assert.That(await Health(), Is.EqualTo((HealthStatus.Healthy, "rank 0 of 2 (ring)")));
        Assert.That(
            log.Lines,
            Has.Some.Matches<Log.Line>(line =>
                line is { Category: "NativeCollectives.Formation", Id: 100, Level: LogLevel.Information }
            )
        );

        // The watcher of the other rank finds out, whose program calls nothing.
        second.Services.GetRequiredService<DistributedGroup>().Abort("enough");
        await log.WaitForAsync("NativeCollectives.Faults", "", cancellation);
        var (status, description) = await Health();
        Assert.That(status, Is.EqualTo(HealthStatus.Unhealthy));
        Assert.That(description, Does.Contain("rank"));
        Assert.Catch<CollectiveException>(() => first.Services.GetRequiredService<DistributedGroup>().Barrier());
        Assert.That(
            log.Lines,
            Has.Some.Matches<Log.Line>(line => line is { Category: "NativeCollectives.Faults", Id: 201 })
        );

        await first.StopAsync(cancellation);
        Assert.That(
            log.Lines,
            Has.Some.Matches<Log.Line>(line => line is { Category: "NativeCollectives.Teardown", Id: 300 })
        );
        Assert.That(await Health(), Is.EqualTo((HealthStatus.Unhealthy, "The group was left.")));
        await second.StopAsync(cancellation);

        async Task<(HealthStatus, string?)> Health()
        {
            var entry = (await health.CheckHealthAsync(cancellation)).Entries["distributed_group"];
            return (entry.Status, entry.Description);
        }
    }

    [Test]
    public async Task ObserversAmongTheServicesAreTold(CancellationToken cancellation)
    {
        var observer = new Counting();
        using var host = HostOf([], services => services.AddSingleton<CollectiveObserver>(observer));
        await host.StartAsync(cancellation);
        host.Services.GetRequiredService<DistributedGroup>().AllSum(new float[3]);
        await host.StopAsync(cancellation);
        Assert.That((observer.Formed, observer.Operations, observer.Disposed), Is.EqualTo((1, 1, 1)));
    }

    /// <summary>
    /// A service that is in an operation which its peer never joins holds the host up for its shutdown timeout, and no
    /// longer.
    /// </summary>
    [Test]
    public async Task AnOperationUnderWayDoesNotHoldTheHost(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var host = HostOf(
            Ring(hosts, 0),
            services =>
                services
                    .Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100))
                    .AddHostedService<Waiting>()
        );
        using var peer = HostOf(Ring(hosts, 1));
        await Task.WhenAll(
            Task.Run(() => host.StartAsync(cancellation), cancellation),
            Task.Run(() => peer.StartAsync(cancellation), cancellation)
        );
        var waiting = host.Services.GetServices<IHostedService>().OfType<Waiting>().Single();
        await waiting.IsWaiting.WaitAsync(cancellation);
        try
        {
            await host.StopAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            // The host says that a service did not stop in time.
        }
        host.Dispose();
        await Assert.ThatAsync(
            () => waiting.ExecuteTask!.WaitAsync(cancellation),
            Throws.InstanceOf<ObjectDisposedException>()
        );
        await peer.StopAsync(cancellation);
    }

    /// <summary>Nobody calls anything: the group itself finds out that its peer has gone.</summary>
    [Test]
    public async Task AFaultStopsTheHost(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var log = new Log();
        using var host = HostOf(Ring(hosts, 0), services => services.AddSingleton<ILoggerProvider>(log));
        using var peer = HostOf([.. Ring(hosts, 1), ("StopHostOnFault", "false")]);
        await Task.WhenAll(host.StartAsync(cancellation), peer.StartAsync(cancellation));
        peer.Services.GetRequiredService<DistributedGroup>().Abort("enough");
        await host.WaitForShutdownAsync(cancellation);
        Assert.That(HasFailed(host), Is.True);
        Assert.That(
            log.Lines,
            Has.Some.Matches<Log.Line>(line => line is { Category: "NativeCollectives.Faults", Id: 202 })
        );
        Assert.That(HasFailed(peer), Is.False, "its program has chosen to go on");
        Assert.That(
            peer.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested,
            Is.False
        );
        await peer.StopAsync(cancellation);
    }

    /// <summary>The service's exception stops the host too, perhaps first. The failure is the group's all the same.</summary>
    [Test]
    public async Task AFaultThatAServiceMeetsIsAFailureOfTheHost(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var host = HostOf(Ring(hosts, 0), services => services.AddHostedService<Failing>());
        using var peer = HostOf(Ring(hosts, 1));
        await Task.WhenAll(
            Task.Run(() => host.StartAsync(cancellation), cancellation),
            Task.Run(() => peer.StartAsync(cancellation), cancellation)
        );
        await peer.StopAsync(cancellation);
        try
        {
            await host.WaitForShutdownAsync(cancellation);
        }
        catch (PeerLostException)
        {
            // A host may throw what has ended its service.
        }

        Assert.That((HasFailed(host), HasFailed(peer)), Is.EqualTo((true, false)));
    }

    [Test]
    public async Task AnEndInOrderIsNoFailure(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        using var first = HostOf(Ring(hosts, 0));
        using var second = HostOf(Ring(hosts, 1));
        await Task.WhenAll(first.StartAsync(cancellation), second.StartAsync(cancellation));
        await first.StopAsync(cancellation);
        await second.StopAsync(cancellation);
        Assert.That((HasFailed(first), HasFailed(second)), Is.EqualTo((false, false)));
    }

    /// <summary>Two rings between the same two hosts; the second is a group's with a key.</summary>
    [Test]
    public async Task AHostCanHaveSeveralGroups(CancellationToken cancellation)
    {
        using var one = new HostFile(2, 1);
        using var other = new HostFile(2, 1);
        one.Release();
        other.Release();
        var observer = new Counting();
        var hosts = new[] { 0, 1 }.Select(rank => HostOfTwo(one, other, rank, rank == 0 ? observer : null)).ToArray();
        await Task.WhenAll(hosts.Select(host => host.StartAsync(cancellation)));
        foreach (var key in new[] { null, "Control" })
        {
            var sums = await Task.WhenAll(
                hosts.Select(async host =>
                {
                    var group = Group(host, key);
                    Assert.That((group.Size, group.Name), Is.EqualTo((2, key)));
                    int[] number = [group.Rank + 1];
                    await group.AllSumAsync<int>(number, cancellationToken: cancellation);
                    return number[0];
                })
            );
            Assert.That(sums, Is.All.EqualTo(3));
        }

        Assert.That((observer.Formed, observer.Operations), Is.EqualTo((1, 1)), "of the group whose key it has");

        // Only the one with the key goes; the host's other group, and the host, stay.
        Group(hosts[1], "Control").Abort("enough");
        var faulted = new TaskCompletionSource();
        using (Group(hosts[0], "Control").Faulted.Register(faulted.SetResult))
        {
            await faulted.Task.WaitAsync(cancellation);
        }

        var report = await hosts[0].Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(cancellation);
        Assert.That(
            report.Entries.Select(entry => (entry.Key, entry.Value.Status)),
            Is.EquivalentTo(
                new[]
                {
                    ("distributed_group", HealthStatus.Healthy),
                    ("distributed_group_Control", HealthStatus.Unhealthy),
                }
            )
        );
        await Task.WhenAll(hosts.Select(host => host.StopAsync(cancellation)));
        Array.ForEach(hosts, host => host.Dispose());
        Assert.Throws<ObjectDisposedException>(() => Group(hosts[0], "Control"));
    }

    [Test]
    public async Task FaultsOfAKeyedGroupsSettingsHaveItsKeys(CancellationToken cancellation)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var configuration = Configurations.Of(
            ("Groups:Control:Ring:Rank", "x"),
            ("Groups:Data:Strikt", "true"),
            ("Backend", "none")
        );
        builder.Services.AddKeyedDistributedGroup("Control", configuration);
        builder.Services.AddKeyedDistributedGroup("Data", configuration);
        builder.Services.AddDistributedGroup(configuration);
        using var host = builder.Build();
        var exception = (await Assert.ThrowsAsync<AggregateException>(() => host.StartAsync(cancellation)))!;
        Assert.That(
            exception.InnerExceptions.OfType<OptionsValidationException>().SelectMany(one => one.Failures),
            Has.Exactly(2)
                .Items.And.One.StartsWith("NativeCollectives:Groups:Control:Ring:Rank is \"x\", but should be a rank")
                .And.One.StartsWith("NativeCollectives:Groups:Data:Strikt is not a setting")
        );
    }

    [TestCase("")]
    [TestCase("a:b")]
    public void AKeyIsTheNameOfASection(string key) =>
        Assert.That(
            () => new ServiceCollection().AddKeyedDistributedGroup(key, Configurations.Of()),
            Throws.ArgumentException
        );

    [Test]
    public void AKeyHasOneConfiguration()
    {
        var services = new ServiceCollection();
        services.AddKeyedDistributedGroup("a", Configurations.Of(("Groups:a:Backend", "none")));
        services.AddKeyedDistributedGroup("b", Configurations.Of(("Groups:b:Backend", "ring")));
        services.AddKeyedDistributedGroup("a", Configurations.Of(("Groups:a:Backend", "none")));
        Assert.That(
            () => services.AddKeyedDistributedGroup("a", Configurations.Of(("Groups:a:Backend", "ring"))),
            Throws.InvalidOperationException.With.Message.StartsWith(
                "AddKeyedDistributedGroup(\"a\") was called twice, with configurations in which "
                    + "NativeCollectives:Groups:a:Backend differs."
            )
        );
    }

    /// <summary>Launchers tell every group its rank.</summary>
    [Test]
    public void AKeyedGroupTakesWhatLaunchersSay()
    {
        var configuration = Configurations.Of(
            [("MLX_RANK", "1")],
            ("Groups:a:Ring:Hosts", "a:1,b:1"),
            ("Groups:b:Ring:Rank", "0"),
            ("Groups:b:Ring:Hosts", "a:2,b:2")
        );
        Assert.That(DistributedGroupSettings.From(configuration, "a").Ring.Rank, Is.EqualTo(1));
        Assert.That(DistributedGroupSettings.From(configuration, "b").Ring.Rank, Is.Zero);
        Assert.That(
            ConfigurationTrace.Of(configuration, "a").Select(origin => (origin.Key, origin.Source)),
            Has.Member(("NativeCollectives:Groups:a:Ring:Rank", "environment variable MLX_RANK (MLX)"))
        );
        Assert.That(DistributedGroupSettings.From(configuration).Ring.Hosts, Is.Null);
    }

    /// <summary>mistral.rs's files name the own port and the neighbour: the two ranks see different lists.</summary>
    [Test]
    public async Task MistralsFilesFormAGroupThatCanBeSplit(CancellationToken cancellation)
    {
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var files = Enumerable
            .Range(0, 2)
            .Select(rank =>
                HostFile.Write(
                    $$"""
                    {"master_port":1,"port":{{hosts.Port(rank)}},"right_port":{{hosts.Port(1 - rank)}},
                    "rank":{{rank}},"world_size":2}
                    """
                )
            )
            .ToArray();
        try
        {
            var groups = await Task.WhenAll(
                files.Select(file =>
                    DistributedGroup.CreateAsync(
                        DistributedGroupSettings
                            .From(Configurations.Of([("RING_CONFIG", file)], ("Backend", "ring")))
                            .ToGroupOptions(),
                        cancellation
                    )
                )
            );
            var parts = await Task.WhenAll(
                groups.Select(group => group.SplitAsync(0, cancellationToken: cancellation))
            );
            var sums = await Task.WhenAll(
                parts.Select(async part =>
                {
                    int[] number = [part.Rank + 1];
                    await part.AllSumAsync<int>(number, cancellationToken: cancellation);
                    return number[0];
                })
            );
            Assert.That(sums, Is.All.EqualTo(3));
            foreach (var group in groups.Concat(parts))
            {
                group.Dispose();
            }
        }
        finally
        {
            Array.ForEach(files, HostFile.Delete);
        }
    }

    private static bool HasFailed(IHost host) => ((Exit)host.Services.GetRequiredService<HostExit>()).HasFailed;

    private static DistributedGroup Group(IHost host, string? key) =>
        key is null
            ? host.Services.GetRequiredService<DistributedGroup>()
            : host.Services.GetRequiredKeyedService<DistributedGroup>(key);

    private static IHost HostOfTwo(HostFile one, HostFile other, int rank, CollectiveObserver? observer) =>
        HostOf(
            Ring(one, rank),
            services =>
            {
                services.AddKeyedDistributedGroup(
                    "Control",
                    Configurations.Of([
                        .. Ring(other, rank).Select(setting => ($"Groups:Control:{setting.Item1}", setting.Item2)),
                        ("Groups:Control:StopHostOnFault", "false"),
                    ])
                );
                services.AddHealthChecks().AddKeyedDistributedGroup("Control");
                if (observer is not null)
                {
                    services.AddKeyedSingleton("Control", observer);
                }
            }
        );

    private static (string, string?)[] Ring(HostFile hosts, int rank) =>
        [
            ("Backend", "ring"),
            ("Ring:Rank", $"{rank}"),
            ("Ring:Hosts", string.Join(',', hosts.Hosts.Select(host => host[0]))),
        ];

    private static IHost HostOf(params (string, string?)[] settings) => HostOf(settings, null);

    private static IHost HostOf(
        (string, string?)[] settings,
        Action<IServiceCollection>? add = null,
        Action<DistributedGroupSettings>? configure = null
    )
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddSingleton<HostExit>(new Exit());
        builder.Services.AddDistributedGroup(Configurations.Of(settings), configure);
        builder.Services.AddHealthChecks().AddDistributedGroup();
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Debug));
        add?.Invoke(builder.Services);
        return builder.Build();
    }

    private sealed class Summing(DistributedGroup group) : IHostedService
    {
        public int AtStart { get; private set; }
        public int AtStop { get; private set; }

        public async Task StartAsync(CancellationToken cancellationToken) => AtStart = await Sum(0, cancellationToken);

        public async Task StopAsync(CancellationToken cancellationToken) => AtStop = await Sum(5, cancellationToken);

        private async Task<int> Sum(int offset, CancellationToken cancellation)
        {
            int[] numbers = [group.Rank + offset];
            await group.AllSumAsync<int>(numbers, cancellationToken: cancellation);
            return numbers[0];
        }
    }

    private sealed class Waiting(DistributedGroup group) : BackgroundService
    {
        private readonly TaskCompletionSource _waiting = new();

        public Task IsWaiting => _waiting.Task;

        protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
            Task.Run(
                () =>
                {
                    _waiting.SetResult();
                    group.Barrier();
                },
                CancellationToken.None
            );
    }

    // The process is the tests'.
    private sealed class Exit : HostExit
    {
        public bool HasFailed { get; private set; }

        internal override void Fail() => HasFailed = true;
    }

    private sealed class Failing(DistributedGroup group) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken) =>
            await group.BarrierAsync(cancellationToken: CancellationToken.None);
    }

    private sealed class Counting : CollectiveObserver
    {
        public int Formed { get; private set; }
        public int Operations { get; private set; }
        public int Disposed { get; private set; }

        public override void GroupFormed(DistributedGroup group, TimeSpan duration) => Formed++;

        public override void OperationEnded(
            DistributedGroup group,
            in ObservedOperation operation,
            object? state,
            TimeSpan duration,
            Exception? failure
        ) => Operations++;

        public override void GroupDisposed(DistributedGroup group) => Disposed++;
    }
}
