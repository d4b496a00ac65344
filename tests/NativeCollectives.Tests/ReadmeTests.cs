using System.Diagnostics;
using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests;

/// <summary>
/// The examples of the README, docs/nccl.md and docs/jaccl.md are those in samples/, and print what the pages say.
/// </summary>
public sealed class ReadmeTests
{
    [Test]
    [Category("Ring")]
    public void TheExampleIsTheSample() =>
        Assert.That(CodeBlock("README.md", "csharp"), Is.EqualTo(Sample("FirstSteps")));

    [Test]
    [Category("Ring")]
    [CancelAfter(60_000)]
    public async Task TheExamplePrintsWhatTheReadmeSays(CancellationToken cancellation)
    {
        const int Size = 3;
        using var hosts = new HostFile(Size, 1);
        hosts.Release();
        var output = await Run(
            "FirstSteps.dll",
            Size,
            rank => new() { ["MLX_RANK"] = Text(rank), ["MLX_HOSTFILE"] = hosts.Path },
            cancellation
        );
        Assert.That(output, Is.EqualTo(CodeBlock("README.md", "")));
    }

    [Test]
    [Category("Nccl")]
    public void TheExampleForGpusIsTheSample() =>
        Assert.That(CodeBlock("docs/nccl.md", "csharp"), Is.EqualTo(Sample("FirstStepsOnGpus")));

    [Test]
    [Category("Nccl")]
    [CancelAfter(60_000)]
    public async Task TheExampleForGpusPrintsWhatThePageSays(CancellationToken cancellation)
    {
        const int Size = 2;
        using var ports = new Ports(1);
        ports.Release();
        var output = await Run("FirstStepsOnGpus.dll", Size, Variables, cancellation);
        Assert.That(output, Is.EqualTo(CodeBlock("docs/nccl.md", "")));

        Dictionary<string, string> Variables(int rank) =>
            new(NcclLibraries.Doubles())
            {
                ["RANK"] = Text(rank),
                ["WORLD_SIZE"] = Text(Size),
                ["LOCAL_RANK"] = Text(rank),
                ["MASTER_ADDR"] = "127.0.0.1",
                ["MASTER_PORT"] = Text(ports.Numbers[0]),
            };
    }

    [Test]
    [Category("Jaccl")]
    public void TheExampleForRdmaIsTheSample() =>
        Assert.That(CodeBlock("docs/jaccl.md", "csharp"), Is.EqualTo(Sample("FirstStepsOnRdma")));

    /// <summary>Over the software verbs, with the page's variables.</summary>
    [Test]
    [Category("Jaccl")]
    [CancelAfter(60_000)]
    public async Task TheExampleForRdmaPrintsWhatThePageSays(CancellationToken cancellation)
    {
        const int Size = 2;
        using var ports = new Ports(1);
        ports.Release();
        var folder = Directory.CreateTempSubdirectory("nc-readme-").FullName;
        try
        {
            var devices = Path.Combine(folder, "devices.json");
            await File.WriteAllTextAsync(devices, """[[null, "rdma_en2"], ["rdma_en2", null]]""", cancellation);
            var output = await Run("FirstStepsOnRdma.dll", Size, rank => Variables(rank, devices), cancellation);
            Assert.That(output, Is.EqualTo(CodeBlock("docs/jaccl.md", "")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Dictionary<string, string> Variables(int rank, string devices) =>
            new()
            {
                ["MLX_RANK"] = Text(rank),
                ["MLX_IBV_DEVICES"] = devices,
                ["MLX_JACCL_COORDINATOR"] = $"127.0.0.1:{ports.Numbers[0]}",
                ["NC_VERBS_LIBRARY"] = SoftVerbsLibrary.Path,
                ["NC_SOFTVERBS_FABRIC"] = folder,
                ["NC_SOFTVERBS_DEVICES"] = "rdma_en2",
                ["NC_SOFTVERBS_HOST"] = Text(rank),
            };
    }

    /// <summary>What the ranks print, one after the other.</summary>
    private static async Task<string> Run(
        string program,
        int size,
        Func<int, Dictionary<string, string>> variables,
        CancellationToken cancellation
    )
    {
        var ranks = Enumerable.Range(0, size).Select(rank => Start(program, variables(rank))).ToList();
        try
        {
            return string.Concat(
                    await Task.WhenAll(ranks.Select(rank => rank.StandardOutput.ReadToEndAsync(cancellation)))
                )
                .TrimEnd();
        }
        finally
        {
            ranks.ForEach(ChildProcesses.End);
        }
    }

    private static Process Start(string program, Dictionary<string, string> variables)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, program));
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        return ChildProcesses.Start(start);
    }

    private static string Sample(string name) =>
        File.ReadAllText(Path.Combine(NcclLibraries.RepositoryRoot, "samples", name, "Program.cs")).TrimEnd();

    /// <summary>The first fenced block of that language.</summary>
    private static string CodeBlock(string page, string language)
    {
        // Every second piece between fences is a block, which begins with its language.
        var blocks = File.ReadAllText(Path.Combine(NcclLibraries.RepositoryRoot, page))
            .Split("```")
            .Where((_, index) => index % 2 == 1);
        return blocks
            .First(block => block.StartsWith(language + "\n", StringComparison.Ordinal))[(language.Length + 1)..]
            .TrimEnd();
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
