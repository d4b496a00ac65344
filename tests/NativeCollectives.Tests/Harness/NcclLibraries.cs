using System.Reflection;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Which NCCL and which CUDA driver the workers use: doubles of our own writing, from native/tests/doubles, or with
/// <c>NC_TEST_NCCL=real</c> in the environment those of this machine, in the tests of category NcclGpu.
/// </summary>
internal static class NcclLibraries
{
    /// <summary>Whether this machine's own libraries are to be tested.</summary>
    public static bool AreReal => Environment.GetEnvironmentVariable("NC_TEST_NCCL") == "real";

    /// <summary>The folder of the doubles: <c>NC_TEST_DOUBLES</c>, or what the build has left.</summary>
    public static string Folder { get; } =
        Environment.GetEnvironmentVariable("NC_TEST_DOUBLES") is { Length: > 0 } folder
            ? folder
            : Path.Combine(RepositoryRoot, "artifacts", "native", "release", "doubles");

    public static string RepositoryRoot =>
        typeof(NcclLibraries)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "RepositoryRoot")
            .Value!;

    /// <summary>The variables with which a worker uses the doubles.</summary>
    /// <param name="nccl">
    /// Which libnccl.so.2: a folder within that of the doubles, such as 2.18; none: the newest.
    /// </param>
    /// <param name="cuda">Likewise for libcuda.so.1.</param>
    public static Dictionary<string, string> Doubles(string nccl = "", string cuda = "") =>
        new()
        {
            ["NC_NCCL_LIBRARY"] = Existing(nccl, "libnccl.so.2"),
            ["NC_CUDA_LIBRARY"] = Existing(cuda, "libcuda.so.1"),
        };

    /// <summary>
    /// The variables with which ranks on one GPU form a group over sockets, as if they were on machines of their own.
    /// </summary>
    public static Dictionary<string, string> OneGpu(int rank)
    {
        var variables = new Dictionary<string, string>
        {
            ["NCCL_HOSTID"] = $"nc-test-rank-{rank}",
            ["NCCL_P2P_DISABLE"] = "1",
            ["NCCL_SHM_DISABLE"] = "1",
            ["NCCL_IB_DISABLE"] = "1",
            ["NCCL_NVLS_ENABLE"] = "0",
            ["NCCL_SOCKET_IFNAME"] = "lo",
            ["NCCL_MULTI_RANK_GPU_ENABLE"] = "1",
        };
        // Where a person says that the libraries are.
        foreach (var name in new[] { "NC_NCCL_LIBRARY", "NC_CUDA_LIBRARY", "CUDA_VISIBLE_DEVICES" })
        {
            if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } value)
            {
                variables[name] = value;
            }
        }
        return variables;
    }

    private static string Existing(string folder, string name)
    {
        var path = Path.Combine(Folder, folder, name);
        Assert.That(File.Exists(path), Is.True, $"{path} is not there: ./build.sh native builds the doubles");
        return path;
    }
}
