using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

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
