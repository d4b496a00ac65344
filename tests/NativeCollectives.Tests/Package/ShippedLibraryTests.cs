using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Package;

/// <summary>
/// Two ranks of a C program that knows the ABI alone, over the libraries in the package; those for ARM64 in an
/// emulator.
/// </summary>
[Category("Package")]
public sealed class ShippedLibraryTests
{
    [TestCase("linux-x64")]
    [TestCase("linux-arm64")]
    [CancelAfter(60_000)]
    public async Task TwoRanksReduce(string platform, CancellationToken cancellationToken)
    {
        Packages.Need();
        string[] emulator = platform == "linux-arm64" ? ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"] : [];
        if (
            emulator.Length > 0
            && Environment.GetEnvironmentVariable("NC_TEST_PACKAGES") != "required"
            && !(Environment.GetEnvironmentVariable("PATH") ?? "")
                .Split(':')
                .Any(folder => File.Exists(Path.Combine(folder, emulator[0])))
        )
        {
            Assert.Ignore("qemu-aarch64 (Debian: qemu-user, libc6-arm64-cross) is not installed");
        }
        var folder = Directory.CreateTempSubdirectory("nc-shipped-").FullName;
        try
        {
            var program = Path.Combine(folder, "nc_abi_smoke");
            File.Copy(Path.Combine(Packages.RepositoryRoot, "artifacts", "native", platform, "nc_abi_smoke"), program);
            var contents = Packages.Contents(Packages.File("NativeCollectives"));
            foreach (var library in Packages.Libraries(platform))
            {
                await File.WriteAllBytesAsync(
                    Path.Combine(folder, library),
                    contents[$"runtimes/{platform}/native/{library}"],
                    cancellationToken
                );
            }
            using var ports = new Ports(2);
            var hosts = $"[[\"127.0.0.1:{ports.Numbers[0]}\"],[\"127.0.0.1:{ports.Numbers[1]}\"]]";
            ports.Release();

            var runs = await Task.WhenAll(
                Enumerable
                    .Range(0, 2)
                    .Select(rank =>
                    {
                        string[] command = [.. emulator, program, $"{rank}", "2", hosts];
                        return ProgramRun.RunAsync(
                            command[0],
                            command[1..],
                            folder,
                            new Dictionary<string, string?>(),
                            cancellationToken
                        );
                    })
            );

            for (var rank = 0; rank < runs.Length; rank++)
            {
                Assert.That(runs[rank].ExitCode, Is.Zero, runs[rank].Output);
                Assert.That(
                    runs[rank].Output.Trim(),
                    Is.EqualTo($"rank {rank} of 2, version {Packages.Version}: right")
                );
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
