using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// Whether NCCL can be used, and what is said where it cannot: what is missing, by name. Native code prints nothing.
/// </summary>
[Category("Nccl")]
public sealed class NcclAvailabilityTests
{
    private const string Nowhere = "/nowhere/libnccl.so.2";

    [Test]
    public void BothDoublesTogetherCanBeUsed() =>
        Available(
            NcclLibraries.Doubles(),
            worker =>
            {
                var reply = worker.Do(Question());
                Assert.That((reply.Data["available"], reply.Data["reason"]), Is.EqualTo(("yes", "")));
            }
        );

    [Test]
    public void MissingLibrariesAreNamed() =>
        Available(
            new() { ["NC_NCCL_LIBRARY"] = Nowhere, ["NC_CUDA_LIBRARY"] = "/nowhere/libcuda.so.1" },
            worker =>
                Unavailable(
                    worker.Do(Question()),
                    Nowhere,
                    "/nowhere/libcuda.so.1",
                    "NC_NCCL_LIBRARY",
                    "NC_CUDA_LIBRARY"
                )
        );

    /// <summary>On a machine without NVIDIA's libraries, that is.</summary>
    [Test]
    public void WithoutAnyLibrariesBothAreNamed() =>
        Available(
            [],
            worker =>
            {
                var reply = worker.Do(Question());
                if (reply.Data["available"] == "yes")
                {
                    Assert.Ignore("this machine has a GPU and libnccl.so.2");
                }
                Unavailable(reply, "libnccl.so.2", "libcuda.so.1");
                var created = worker.Do(
                    new Command
                    {
                        Name = CommandNames.Create,
                        Backend = nameof(BackendKind.Nccl),
                        Nccl = new NcclSettings { Size = 1 },
                    }
                );
                Assert.That(
                    created.Failure?.Type,
                    Is.EqualTo(nameof(BackendUnavailableException)),
                    created.Failure?.Text
                );
                Assert.That(created.Failure!.Message, Does.Contain("libnccl.so.2").And.Contain("libcuda.so.1"));
                var id = worker.Do(new Command { Name = CommandNames.CreateId });
                Assert.That(id.Failure?.Type, Is.EqualTo(nameof(BackendUnavailableException)), id.Failure?.Text);
                var buffer = worker.Do(new Command { Name = CommandNames.Allocate, Count = 10 });
                Assert.That(
                    buffer.Failure?.Type,
                    Is.EqualTo(nameof(BackendUnavailableException)),
                    buffer.Failure?.Text
                );
                Assert.That(buffer.Failure!.Message, Does.Contain("libcuda.so.1"));
            }
        );

    [Test]
    public void OptionsWinOverTheEnvironment() =>
        Available(
            NcclLibraries.Doubles(),
            worker =>
            {
                Unavailable(worker.Do(Question() with { Nccl = new NcclSettings { Library = Nowhere } }), Nowhere);
                Assert.That(worker.Do(Question()).Data["available"], Is.EqualTo("yes"));
            }
        );

    [Test]
    public void AFileThatIsNoLibraryIsNamed()
    {
        var path = HostFile.Write("this is no library");
        Available(
            new(NcclLibraries.Doubles()) { ["NC_NCCL_LIBRARY"] = path },
            worker => Unavailable(worker.Do(Question()), path)
        );
        HostFile.Delete(path);
    }

    [Test]
    public void AnOldLibraryIsNamedWithItsVersion() =>
        Available(
            NcclLibraries.Doubles(nccl: "2.17"),
            worker => Unavailable(worker.Do(Question()), "libnccl.so.2", "2.17.1", "2.18")
        );

    [Test]
    public void ADriverWithoutDevices() =>
        Available(
            NcclLibraries.Doubles(cuda: "no_devices"),
            worker => Unavailable(worker.Do(Question()), "libcuda.so.1", "no device")
        );

    [Test]
    public void ALibraryWithoutADriver() =>
        Available(
            NcclLibraries.Doubles(cuda: "no_driver"),
            worker => Unavailable(worker.Do(Question()), "libcuda.so.1", "CUDA_ERROR")
        );

    /// <summary>A function that is not there is missed only by who needs it.</summary>
    [Test]
    public void ALibraryThatCannotSplit()
    {
        using var ranks = new LocalNccl(2, _ => NcclLibraries.Doubles(nccl: "no_split"));
        ranks.Play("check");
        foreach (var reply in LocalRanks.Answers(ranks.All(_ => LocalRanks.Play("split_whole", 0))))
        {
            Assert.That(reply.Failure?.Type, Is.EqualTo(nameof(NotSupportedException)), reply.Failure?.Text);
            Assert.That(reply.Failure!.Message, Does.Contain("ncclCommSplit"));
        }
        ranks.Play("check");
        ranks.Play("device_mixed");
    }

    /// <summary>Configured for both, on a machine without CUDA: the ring is taken, and says why.</summary>
    [Test]
    public void WithoutCudaAnyFallsThroughToTheRing()
    {
        using var hosts = new HostFile(2, 1);
        using var ports = new Ports(1);
        ports.Release();
        hosts.Release();
        var environment = new Dictionary<string, string>
        {
            ["NC_NCCL_LIBRARY"] = Nowhere,
            ["NC_CUDA_LIBRARY"] = "/nowhere/libcuda.so.1",
        };
        using var workers = new LocalNccl(2, _ => environment, form: false);
        var replies = LocalRanks.Succeed(
            workers.All(rank => new Command
            {
                Name = CommandNames.Create,
                Backend = nameof(BackendKind.Any),
                Variables = new()
                {
                    ["MLX_RANK"] = $"{rank}",
                    ["MLX_WORLD_SIZE"] = "2",
                    ["MLX_HOSTFILE"] = hosts.Path,
                    ["NCCL_HOST_IP"] = "127.0.0.1",
                    ["NCCL_PORT"] = $"{ports.Numbers[0]}",
                },
            })
        );
        foreach (var reply in replies)
        {
            Assert.That(reply.Data["backend"], Is.EqualTo("ring"));
            Assert.That(reply.Data["log"], Does.Contain("Warning: ").And.Contain("nccl").And.Contain(Nowhere));
        }
        workers.Play("check");
    }

    /// <summary>With the libraries it is NCCL that is taken: MLX's order among what MLX's launcher sets.</summary>
    [Test]
    public void WithCudaAnyIsNccl()
    {
        using var hosts = new HostFile(2, 1);
        using var ports = new Ports(1);
        ports.Release();
        using var workers = new LocalNccl(2, form: false);
        var replies = LocalRanks.Succeed(
            workers.All(rank => new Command
            {
                Name = CommandNames.Create,
                Backend = nameof(BackendKind.Any),
                Variables = new()
                {
                    ["NCCL_HOST_IP"] = "127.0.0.1",
                    ["NCCL_PORT"] = $"{ports.Numbers[0]}",
                    ["MLX_RANK"] = $"{rank}",
                    ["MLX_WORLD_SIZE"] = "2",
                    ["MLX_HOSTFILE"] = hosts.Path,
                },
            })
        );
        Assert.That(replies.Select(reply => reply.Data["backend"]), Is.All.EqualTo("nccl"));
        workers.Play("check");
    }

    private static Command Question() => new() { Name = CommandNames.Available, Backend = nameof(BackendKind.Nccl) };

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
    private static void Available(Dictionary<string, string> environment, Action<WorkerProcess> test)
    {
        using var worker = new WorkerProcess(environment);
        test(worker);
        worker.Send(new Command { Name = CommandNames.Exit });
        Assert.That(worker.WaitForExit(WorkerProcess.Patience), Is.True, "the process ends");
        Assert.That(worker.ExitCode, Is.Zero, worker.Errors);
        Assert.That(worker.Errors, Is.Empty, "written on the standard error stream");
    }
}
