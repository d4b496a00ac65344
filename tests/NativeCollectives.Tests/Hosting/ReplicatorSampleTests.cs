using System.Diagnostics;
using System.Reflection;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Hosting;

/// <summary>The example of docs/hosting.md is samples/Replicator, and prints what the page says.</summary>
[Category("Hosting")]
public sealed class ReplicatorSampleTests
{
    private static string RepositoryRoot =>
        typeof(ReplicatorSampleTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "RepositoryRoot")
            .Value!;

    private static string[] Blocks =>
        [
            .. File.ReadAllText(Path.Combine(RepositoryRoot, "docs", "hosting.md"))
                .Split("```")
                .Where((_, index) => index % 2 == 1),
        ];

    [Test]
    public void TheExampleIsTheSample() =>
        Assert.That(
            Blocks,
            Has.Member(
                $"csharp\n{File.ReadAllText(Path.Combine(RepositoryRoot, "samples", "Replicator", "Program.cs"))}"
            )
        );

    /// <summary>Three ranks, two configured by MLX's variables and one by .NET's.</summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task TheExamplePrintsWhatThePageSays(CancellationToken cancellation)
    {
        const int Size = 3;
        using var hosts = new HostFile(Size, 1);
        hosts.Release();
        var ranks = Enumerable
            .Range(0, Size)
            .Select(rank =>
                Start(
                    rank == 1
                        ? new()
                        {
                            ["NativeCollectives__Ring__Rank"] = "1",
                            ["NativeCollectives__Ring__Hosts"] = string.Join(',', hosts.Hosts.Select(host => host[0])),
                        }
                        : new() { ["MLX_RANK"] = $"{rank}", ["MLX_HOSTFILE"] = hosts.Path }
                )
            )
            .ToList();
        try
        {
            var errors = ranks.Select(rank => rank.StandardError.ReadToEndAsync(cancellation)).ToList();
            var output = string.Concat(
                await Task.WhenAll(ranks.Select(rank => rank.StandardOutput.ReadToEndAsync(cancellation)))
            );
            await Task.WhenAll(ranks.Select(rank => rank.WaitForExitAsync(cancellation)));
            Assert.That(
                ranks.Select(rank => rank.ExitCode),
                Is.All.Zero,
                () => string.Join('\n', errors.Select(error => error.Result))
            );
            Assert.That(Blocks, Has.Member($"\n{output}"));
        }
        finally
        {
            ranks.ForEach(ChildProcesses.End);
        }
    }

    private static Process Start(Dictionary<string, string> variables)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Replicator.dll"));
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        return ChildProcesses.Start(start);
    }
}
