using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Hosting;
using NativeCollectives.Tests.Shared;
using CliHostFile = NativeCollectives.Cli.Hosts.HostFile;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// What may lie where a file that configures a group should, and which of its addresses have to be known.
/// </summary>
[Category("Ring")]
[CancelAfter(120_000)]
internal sealed class FileAndAddressTests
{
    private const string Unreadable = "/proc/self/mem"; // reading at its beginning fails with EIO
    private const string UnknownHost = "198.51.100.1:0"; // what exo writes for ranks that are no neighbours

    // ---- files ------------------------------------------------------------------------------------------------------

    [Test]
    public void AReadErrorIsNoGroupOfOne([Values] bool jaccl)
    {
        var failure = FailureOf(jaccl, Unreadable);
        Assert.That(failure.Message, Does.Contain($"{Unreadable} cannot be read: Input/output error"));
    }

    [Test]
    public void APipeObeysTheFormingDeadline([Values] bool jaccl) =>
        WithPipe(pipe =>
        {
            var failure = FailureOf(jaccl, pipe, TimeSpan.FromMilliseconds(300));
            Assert.That(failure.Message, Does.Contain($"{pipe} cannot be read: nothing was written to it before"));
        });

    [Test]
    public void APipeObeysTheCancellation() =>
        WithPipe(pipe =>
        {
            using var source = new CancellationTokenSource();
            Task<DistributedGroup> forming = DistributedGroup.CreateAsync(Options(jaccl: false, pipe), source.Token);
            source.Cancel();
            Assert.That(() => forming.GetAwaiter().GetResult(), Throws.InstanceOf<OperationCanceledException>());
        });

    [Test]
    public void APipeWithAWriterIsRead() =>
        WithPipe(pipe =>
        {
            Task writing = Task.Run(() => File.WriteAllText(pipe, """[["192.0.2.1:5000"]]"""));
            using DistributedGroup group = DistributedGroup.Create(Options(jaccl: false, pipe));
            writing.GetAwaiter().GetResult();
            Assert.That(group.Size, Is.EqualTo(1));
        });

    [TestCase("/dev/zero", "it is a device")]
    [TestCase("/tmp", "it is a folder")]
    public void WhatIsNoFileIsRefused(string path, string reason)
    {
        foreach (bool jaccl in new[] { false, true })
        {
            var failure = FailureOf(jaccl, path);
            Assert.That(failure.Message, Does.Contain($"{path} cannot be read: {reason}"));
        }
    }

    [Test]
    public void AFileThatIsTooLargeIsRefused()
    {
        string path = Path.GetTempFileName();
        try
        {
            using (FileStream file = File.OpenWrite(path))
            {
                file.SetLength(SmallFile.MaxBytes + 1);
            }

            var failure = FailureOf(jaccl: false, path);
            Assert.That(failure.Message, Does.Contain($"{path} cannot be read: it is larger than 16 MiB"));
            Assert.That(
                () => SmallFile.ReadBytes(path),
                Throws.InstanceOf<IOException>().With.Message.EqualTo("It is larger than 16 MiB.")
            );
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void ThirtyThousandAddressesPerRankAreParsedQuickly()
    {
        // The least of several: other work on the machine only ever adds.
        double few = double.MaxValue;
        double many = double.MaxValue;
        for (int round = 0; round < 3; round++)
        {
            few = Math.Min(few, Seconds(3_000));
            many = Math.Min(many, Seconds(30_000));
        }

        TestContext.Out.WriteLine($"3 000 addresses of each rank: {few * 1000:0.0} ms; 30 000: {many * 1000:0.0} ms");
        Assert.That(many, Is.LessThan(40 * few));

        static double Seconds(int count)
        {
            // None of the addresses is this machine's, so that nothing is listened on once all has been checked.
            IEnumerable<int> ports = Enumerable.Range(1000, count);
            string[][] hosts =
            [
                .. new[] { 1, 2 }.Select(host => ports.Select(port => $"192.0.2.{host}:{port}").ToArray()),
            ];
            var clock = Stopwatch.StartNew();
            var failure = Assert.Throws<RendezvousException>(() => DistributedGroup.Create(Options(0, hosts)))!;
            Assert.That(failure.Message, Does.Contain("192.0.2.1:1000"));
            return clock.Elapsed.TotalSeconds;
        }
    }

    // ---- files that are read in C# ----------------------------------------------------------------------------------

    [Test]
    public void TheReaderInCSharpHasTheSameRules()
    {
        Assert.That(() => SmallFile.ReadText(Unreadable), Throws.InstanceOf<IOException>());
        Assert.That(
            () => SmallFile.ReadText("/dev/zero"),
            Throws.InstanceOf<IOException>().With.Message.EqualTo("It is larger than 16 MiB.")
        );
        Assert.That(() => SmallFile.ReadText("/tmp"), Throws.InstanceOf<UnauthorizedAccessException>());
        Assert.That(() => SmallFile.ReadText("/no/such/file"), Throws.InstanceOf<DirectoryNotFoundException>());
        Assert.That(SmallFile.ReadText("/dev/null"), Is.Empty);
        WithPipe(pipe =>
        {
            Assert.That(
                () => SmallFile.ReadText(pipe, TimeSpan.FromMilliseconds(200)),
                Throws.InstanceOf<IOException>().With.Message.EqualTo("It had not ended after 0.2 s.")
            );
            // Ends the wait that was left behind.
            using FileStream writer = File.Open(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        });
        WithPipe(pipe =>
        {
            Task writing = Task.Run(() => File.WriteAllText(pipe, "\uFEFFtext"));
            Assert.That(SmallFile.ReadText(pipe), Is.EqualTo("text"));
            writing.GetAwaiter().GetResult();
        });
    }

    [Test]
    public void MistralsFileIsReadWithBounds()
    {
        var variables = new Dictionary<string, string> { ["RING_CONFIG"] = "/dev/zero" };
        IConfiguration configuration = new ConfigurationBuilder()
            .AddLauncherEnvironment(variables.GetValueOrDefault)
            .Build();
        Assert.That(
            () => DistributedGroupSettings.From(configuration),
            Throws.Exception.With.Message.Contains("/dev/zero").And.Message.Contains("larger than 16 MiB")
        );
    }

    [Test]
    public void TheToolsHostFilesAreReadWithBounds()
    {
        foreach (string path in new[] { "/dev/zero", Unreadable })
        {
            var failures = new[]
            {
                Assert.Throws<ToolException>(() => CliHostFile.Read(path))!,
                Assert.Throws<ToolException>(() => ClusterReader.Read(path, null))!,
            };
            Assert.That(
                failures.Select(static failure => failure.Message),
                Has.All.StartsWith($"the hostfile {path} cannot be read: ")
            );
        }
    }

    // ---- addresses --------------------------------------------------------------------------------------------------

    [TestCase("0.0.0.0", UnknownHost, TestName = "{m}(exo's port 0)")]
    [TestCase("127.0.0.1", "not-a-neighbour..invalid:5000", TestName = "{m}(a name that does not resolve)")]
    public void OnlyNeighboursNeedAnAddress(string own, string unknown)
    {
        const int Size = 4;
        using var ports = new Ports(Size);
        ports.Release();
        using var ranks = new Ranks([.. Enumerable.Range(0, Size).Select(rank => Hosts(rank))]);
        ranks.Each(group =>
        {
            AssertWorks(group);
            using (DistributedGroup pair = group.Split(group.Rank / 2))
            {
                AssertWorks(pair);
            }

            // Ranks 0 and 2, and 1 and 3, do not know each other.
            var failure = Assert.Throws<RendezvousException>(() => group.Split(group.Rank % 2))!;
            Assert.That(failure.Message, Does.Contain($"rank {(group.Rank + 2) % Size}: '{unknown}'"));
            AssertWorks(group);
        });

        string[][] Hosts(int rank) =>
            [
                .. Enumerable
                    .Range(0, Size)
                    .Select(other =>
                        new[]
                        {
                            other == rank ? $"{own}:{ports.Numbers[other]}"
                            : other == (rank + 2) % Size ? unknown
                            : $"127.0.0.1:{ports.Numbers[other]}",
                        }
                    ),
            ];
    }

    [Test]
    public void TheOwnAndTheNeighboursAddressesNeedAPort([Range(0, 2)] int zero)
    {
        string[][] hosts =
        [
            ["192.0.2.1:1"],
            ["192.0.2.2:1"],
            ["192.0.2.3:1"],
            ["192.0.2.4:1"],
        ];
        hosts[zero] = [UnknownHost];
        var failure = Assert.Throws<RendezvousException>(() => DistributedGroup.Create(Options(1, hosts)))!;
        Assert.That(failure.Message, Does.Contain($"rank {zero}: '{UnknownHost}' has port 0"));
    }

    [Test]
    public void SettingsAndDoctorTakeExosPortZero()
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([
                new("NativeCollectives:Ring:Hosts", $"0.0.0.0:5000, 10.0.0.2:5000, {UnknownHost}, 10.0.0.4:5000"),
            ])
            .Build();
        Assert.That(DistributedGroupSettings.From(configuration).Ring.Hosts![2], Is.EqualTo(new[] { UnknownHost }));

        ClusterPlan plan = ClusterReader.Parse(
            $"""[["0.0.0.0:5000"],["10.0.0.2:5001"],["{UnknownHost}"],["{UnknownHost}"],["10.0.0.5:5002"]]""",
            "hosts.json"
        );
        Assert.That(plan.Findings, Is.Empty);
        bool[] known = [true, true, false, false, true];
        Assert.That(plan.Ranks.Select(static rank => rank.IsKnown), Is.EqualTo(known));
        Assert.That(
            plan.Links.Select(static link => $"{link.From}→{link.To} {link.Address}"),
            Is.EqualTo(new[] { "0→1 10.0.0.2:5001" })
        );

        plan = ClusterReader.Parse($"""[["10.0.0.1:5000"],["{UnknownHost}"],["10.0.0.3:5000"]]""", "hosts.json");
        Assert.That(
            plan.Findings.Select(static finding => finding.Message),
            Has.One.Contains("no rank can use this file")
        );
    }

    [Test]
    public void AllIPv6AddressesHearANeighbourOverIPv4()
    {
        if (!Socket.OSSupportsIPv6 || !IsUsable(IPAddress.IPv6Loopback))
        {
            Assert.Ignore("this machine has no IPv6");
        }

        using var ports = new Ports(2);
        ports.Release();
        string[] seen = [.. ports.Numbers.Select(static port => $"127.0.0.1:{port}")];
        using var ranks = new Ranks([
            [
                [$"[::]:{ports.Numbers[0]}"],
                [seen[1]],
            ],
            [
                [seen[0]],
                [seen[1]],
            ],
        ]);
        ranks.Each(group =>
        {
            AssertWorks(group);
            using DistributedGroup part = group.Split(0);
            AssertWorks(part);
        });
    }

    [Test]
    public void AllIPv4AddressesSayThatTheyDoNotHearIPv6()
    {
        using var ports = new Ports(2);
        ports.Release();
        string[][] hosts =
        [
            [$"0.0.0.0:{ports.Numbers[0]}"],
            [$"[::1]:{ports.Numbers[1]}"],
        ];
        var failure = Assert.Throws<RendezvousException>(() =>
            DistributedGroup.Create(Options(0, hosts, TimeSpan.FromMilliseconds(200)))
        )!;
        Assert.That(failure.Message, Does.Contain("is reached over IPv4 only, but rank 1 has an IPv6 address"));
    }

    // ---- helpers ----------------------------------------------------------------------------------------------------

    // jaccl is taken for usable: its file is read before its devices are looked at, which this machine need not have.
    private static RendezvousException FailureOf(bool jaccl, string path, TimeSpan? formingTimeout = null)
    {
        GroupPlan plan = GroupPlan.Make(
            Options(jaccl, path, formingTimeout),
            LaunchEnvironment.OfProcess,
            static _ => null
        );
        return Assert.Throws<RendezvousException>(() => GroupFormation.Form(plan, CancellationToken.None).Dispose())!;
    }

    private static DistributedGroupOptions Options(bool jaccl, string path, TimeSpan? formingTimeout = null) =>
        new()
        {
            Backend = jaccl ? BackendKind.Jaccl : BackendKind.Ring,
            Strict = true,
            FormingTimeout = formingTimeout ?? TimeSpan.FromSeconds(60),
            Ring = jaccl ? null : new RingOptions { Rank = 0, HostFile = path },
            Jaccl = jaccl
                ? new JacclOptions
                {
                    Rank = 0,
                    DeviceFile = path,
                    Coordinator = "127.0.0.1:1",
                }
                : null,
        };

    private static DistributedGroupOptions Options(int rank, string[][] hosts, TimeSpan? formingTimeout = null) =>
        new()
        {
            Backend = BackendKind.Ring,
            FormingTimeout = formingTimeout ?? TimeSpan.FromSeconds(60),
            Ring = new RingOptions { Rank = rank, Hosts = hosts },
        };

    private static void AssertWorks(DistributedGroup group)
    {
        int[] value = [1];
        group.AllSum<int>(value);
        Assert.That(value[0], Is.EqualTo(group.Size));
    }

    private static bool IsUsable(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void WithPipe(Action<string> use)
    {
        string folder = Directory.CreateTempSubdirectory("nc-pipe-").FullName;
        try
        {
            string pipe = Path.Combine(folder, "pipe");
            using (Process made = Process.Start("mkfifo", [pipe]))
            {
                made.WaitForExit();
                Assert.That(made.ExitCode, Is.Zero);
            }

            use(pipe);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Ranks of one ring in this process, each with a list of hosts of its own.</summary>
    private sealed class Ranks : IDisposable
    {
        private readonly DistributedGroup[] _groups;

        internal Ranks(string[][][] hosts) =>
            _groups = Task.WhenAll(hosts.Select((own, rank) => DistributedGroup.CreateAsync(Options(rank, own))))
                .GetAwaiter()
                .GetResult();

        internal void Each(Action<DistributedGroup> use) =>
            Task.WhenAll(
                    _groups.Select(group =>
                        Task.Factory.StartNew(
                            () => use(group),
                            CancellationToken.None,
                            TaskCreationOptions.LongRunning,
                            TaskScheduler.Default
                        )
                    )
                )
                .GetAwaiter()
                .GetResult();

        public void Dispose() => Array.ForEach(_groups, static group => group.Dispose());
    }
}
