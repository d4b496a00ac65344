using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// What a run has measured, and under which conditions. The properties' names, in snake case, are those of the JSON.
/// </summary>
internal sealed record BenchResult(BenchConditions Conditions)
{
    /// <summary>Whether everything was measured that had been asked for.</summary>
    public bool Complete { get; set; }

    public List<Row> Rows { get; } = [];

    /// <summary>What the backend cannot do, and was left out.</summary>
    public List<string> LeftOut { get; } = [];

    /// <summary>The mean of the rows' bus bandwidths, as nccl-tests has it; without rows that move no data.</summary>
    public double AverageBusbwGbps =>
        Math.Round(Rows.Where(row => row.Bytes > 0).Select(row => row.BusbwGbps).DefaultIfEmpty().Average(), 6);

    public long Errors => Rows.Sum(row => row.Errors);
}

/// <summary>Where, when and how a result was made.</summary>
/// <param name="Date">When the run began.</param>
/// <param name="Command">The arguments of the command.</param>
/// <param name="Machine">The machine, or that of rank 0.</param>
/// <param name="Versions">The version of each system that was measured.</param>
internal sealed record BenchConditions(
    DateTimeOffset Date,
    string Command,
    MachineDescription Machine,
    IReadOnlyDictionary<string, string> Versions
);

/// <summary>The machine that a result is from.</summary>
internal sealed record MachineDescription
{
    public string Name { get; } = Environment.MachineName;

    /// <summary>The processor's name, where the system tells it.</summary>
    public string? Processor { get; } = ProcessorName();

    public int Cores { get; } = Environment.ProcessorCount;

    /// <summary>What processes may use: the memory that is there, or the limit of a container.</summary>
    public long MemoryBytes { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public string Architecture { get; } = RuntimeInformation.ProcessArchitecture.ToString();

    public string System { get; } = RuntimeInformation.OSDescription;

    public string Runtime { get; } = RuntimeInformation.FrameworkDescription;

    private static string? ProcessorName()
    {
        const string Source = "/proc/cpuinfo";
        const string Key = "model name";
        return
            File.Exists(Source)
            && File.ReadLines(Source).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))
                is { } found
            ? found[(found.IndexOf(':') + 1)..].Trim()
            : null;
    }
}
