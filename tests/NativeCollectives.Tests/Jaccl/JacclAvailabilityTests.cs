using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Whether JACCL can be used, and what is said where it cannot: what was looked for, by name. Native code prints
/// nothing.
/// </summary>
[Category("Jaccl")]
public sealed class JacclAvailabilityTests
{
    private const string Nowhere = "/nowhere/libibverbs.so.1";

    [Test]
    public void WithLibraryAndDevicesItCanBeUsed() =>
        On(
            SoftVerbsLibrary.Variables(0, Path.GetTempPath()),
            worker =>
            {
                var reply = worker.Do(Question());
                Assert.That((reply.Data["available"], reply.Data["reason"]), Is.EqualTo(("yes", "")));
            }
        );

    /// <summary>On a machine without RDMA, that is.</summary>
    [Test]
    public void WithoutALibraryItsNameIsSaid() =>
        On(
            [],
            worker =>
            {
                var reply = worker.Do(Question());
                if (reply.Data["available"] == "yes")
                {
                    Assert.Ignore("this machine has RDMA devices");
                }
                Unavailable(reply, OperatingSystem.IsMacOS() ? "librdma.dylib" : "libibverbs.so.1");
                var created = worker.Do(Create());
                Assert.That(
                    created.Failure?.Type,
                    Is.EqualTo(nameof(BackendUnavailableException)),
                    created.Failure?.Text
                );
                Assert.That(
                    created.Failure!.Message,
                    Does.Contain(OperatingSystem.IsMacOS() ? "librdma.dylib" : "libibverbs.so.1")
                );
            }
        );

    [Test]
    public void AMissingLibraryIsNamedWithWhoNamedIt() =>
        On(
            new() { ["NC_VERBS_LIBRARY"] = Nowhere },
            worker => Unavailable(worker.Do(Question()), Nowhere, "NC_VERBS_LIBRARY")
        );

    [Test]
    public void OptionsWinOverTheEnvironment() =>
        On(
            SoftVerbsLibrary.Variables(0, Path.GetTempPath()),
            worker =>
            {
                Unavailable(worker.Do(Question() with { Jaccl = new JacclSettings { Library = Nowhere } }), Nowhere);
                Assert.That(worker.Do(Question()).Data["available"], Is.EqualTo("yes"));
            }
        );

    [Test]
    public void AFileThatIsNoLibraryIsNamed()
    {
        var path = HostFile.Write("this is no library");
        On(new() { ["NC_VERBS_LIBRARY"] = path }, worker => Unavailable(worker.Do(Question()), path));
        HostFile.Delete(path);
    }

    /// <summary>A library that is another one: the first symbol that lacks is named.</summary>
    [Test]
    public void ALibraryWithoutTheVerbsIsNamed()
    {
        var path = Path.Combine(NcclLibraries.Folder, "libcuda.so.1");
        Assert.That(File.Exists(path), Is.True, $"{path} is not there: ./build.sh native builds the doubles");
        On(new() { ["NC_VERBS_LIBRARY"] = path }, worker => Unavailable(worker.Do(Question()), path, "ibv_"));
    }

    [Test]
    public void AMachineWithoutDevices()
    {
        SoftVerbsLibrary.Require("no devices");
        On(
            new(SoftVerbsLibrary.Variables(0, Path.GetTempPath())) { ["NC_SOFTVERBS_DEVICES"] = "" },
            worker =>
            {
                var reply = worker.Do(Question());
                Unavailable(reply, SoftVerbsLibrary.Path, "device");
                Assert.That(worker.Do(Create()).Failure?.Type, Is.EqualTo(nameof(BackendUnavailableException)));
            }
        );
    }

    /// <summary>With nothing else configured <c>any</c> comes to it.</summary>
    [Test]
    public void AnyIsJacclIfNothingElseIsConfigured()
    {
        using var ranks = new LocalJaccl(2);
        var replies = LocalRanks.Succeed(
            ranks.All(rank =>
                ranks.JoinByEnvironment(rank, JacclShape.Mesh(2)) with
                {
                    Backend = nameof(BackendKind.Any),
                }
            )
        );
        Assert.That(replies.Select(reply => reply.Data["backend"]), Is.All.EqualTo("jaccl"));
        ranks.Play(JacclShape.Mesh(2), "check");
    }

    /// <summary>The ring comes first.</summary>
    [Test]
    public void AnyIsTheRingIfBothAreConfigured()
    {
        using var ranks = new LocalJaccl(2);
        using var hosts = new HostFile(2, 1);
        hosts.Release();
        var replies = LocalRanks.Succeed(
            ranks.All(rank =>
            {
                var join = ranks.JoinByEnvironment(rank, JacclShape.Mesh(2));
                return join with
                {
                    Backend = nameof(BackendKind.Any),
                    Variables = new(join.Variables!) { ["MLX_HOSTFILE"] = hosts.Path },
                };
            })
        );
        Assert.That(replies.Select(reply => reply.Data["backend"]), Is.All.EqualTo("ring"));
        ranks.Play(JacclShape.Mesh(2), "check");
    }

    /// <summary>
    /// Configured, but not to be used on this machine: with <c>any</c> that is an error too, and not a group of one.
    /// </summary>
    [Test]
    public void AnyDoesNotGoOnAloneIfJacclCannotBeUsed()
    {
        using var ranks = new LocalJaccl(2, _ => new Dictionary<string, string> { ["NC_VERBS_LIBRARY"] = Nowhere });
        var reply = ranks
            .Workers[0]
            .Do(ranks.JoinByEnvironment(0, JacclShape.Mesh(2)) with { Backend = nameof(BackendKind.Any) });
        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(BackendUnavailableException)), reply.Failure?.Text);
        Assert.That(reply.Failure!.Message, Does.Contain("jaccl").And.Contain(Nowhere));
    }

    /// <summary>What is missing is named.</summary>
    [TestCase("MLX_RANK")]
    [TestCase("MLX_IBV_DEVICES")]
    [TestCase("MLX_JACCL_COORDINATOR")]
    public void AMissingVariableIsNamed(string variable)
    {
        using var ranks = new LocalJaccl(
            1,
            _ => new Dictionary<string, string>
            {
                ["MLX_RANK"] = "0",
                ["MLX_IBV_DEVICES"] = "/nowhere",
                ["MLX_JACCL_COORDINATOR"] = "127.0.0.1:1",
            }
        );
        var reply = ranks
            .Workers[0]
            .Do(
                new Command
                {
                    Name = CommandNames.Create,
                    Backend = nameof(BackendKind.Jaccl),
                    Variables = new() { [variable] = "" },
                }
            );
        Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(BackendUnavailableException)), reply.Failure?.Text);
        Assert.That(reply.Failure!.Message, Does.Contain(variable));
    }

    private static Command Question() => new() { Name = CommandNames.Available, Backend = nameof(BackendKind.Jaccl) };

    private static Command Create() =>
        new()
        {
            Name = CommandNames.Create,
            Backend = nameof(BackendKind.Jaccl),
            Jaccl = new JacclSettings
            {
                Rank = 0,
                Devices = SoftVerbsLibrary.Matrix(JacclShape.Mesh(2)),
                Coordinator = "127.0.0.1:1",
            },
        };

    private static void Unavailable(Reply reply, params string[] names)
    {
        Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
        Assert.That(reply.Data["available"], Is.EqualTo("no"));
        Assert.Multiple(() =>
        {
            foreach (var name in names)
            {
                Assert.That(reply.Data["reason"], Does.Contain(name));
            }
        });
    }

    // In a process of its own, which must end without a word.
    private static void On(Dictionary<string, string> environment, Action<WorkerProcess> test)
    {
        using var worker = new WorkerProcess(environment);
        test(worker);
        worker.Send(new Command { Name = CommandNames.Exit });
        Assert.That(worker.WaitForExit(WorkerProcess.Patience), Is.True, "the process ends");
        Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
        Assert.That(worker.Errors, Is.Empty, "written on the standard error stream");
    }
}
