using System.Diagnostics;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests;

/// <summary>The README's example is the one in samples/, and prints what the README says.</summary>
[Category("Ring")]
public sealed class ReadmeTests
{
    private static readonly string _root = typeof(ReadmeTests).Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyMetadataAttribute), false)
        .Cast<System.Reflection.AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    [Test]
    public void TheExampleIsTheSample() =>
        Assert.That(CodeBlock("csharp"), Is.EqualTo(File.ReadAllText(Path.Combine(_root, "samples/FirstSteps/Program.cs")).TrimEnd()));

    [Test]
    [CancelAfter(60_000)]
    public async Task TheExamplePrintsWhatTheReadmeSays(CancellationToken cancellation)
    {
        const int size = 3;
        using var hosts = new HostFile(size, 1);
        hosts.Release();
        var ranks = Enumerable.Range(0, size).Select(rank => Start(rank, hosts.Path)).ToList();
        try
        {
            var outputs = await Task.WhenAll(ranks.Select(rank => rank.StandardOutput.ReadToEndAsync(cancellation)));
            Assert.That(string.Concat(outputs).TrimEnd(), Is.EqualTo(CodeBlock("")));
        }
        finally
        {
            ranks.ForEach(ChildProcesses.End);
        }
    }

    private static Process Start(int rank, string hostFile)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "FirstSteps.dll"));
        start.Environment["MLX_RANK"] = rank.ToString(System.Globalization.CultureInfo.InvariantCulture);
        start.Environment["MLX_HOSTFILE"] = hostFile;
        return ChildProcesses.Start(start);
    }

    /// <summary>The first fenced block of that language.</summary>
    private static string CodeBlock(string language)
    {
        // Every second piece between fences is a block, which begins with its language.
        var blocks = File.ReadAllText(Path.Combine(_root, "README.md")).Split("```").Where((_, index) => index % 2 == 1);
        return blocks.First(block => block.StartsWith(language + "\n", StringComparison.Ordinal))[(language.Length + 1)..].TrimEnd();
    }
}
