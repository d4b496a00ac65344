using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeCollectives.Bench;

/// <summary>What was measured.</summary>
internal sealed record BenchmarkResult(IReadOnlyList<IBenchmarkSystem> Systems)
{
    private static readonly JsonSerializerOptions _json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    };

    public DateTimeOffset Started { get; } = DateTimeOffset.Now;

    public List<Row> Rows { get; } = [];

    public List<Ratio> Ratios { get; } = [];

    public bool HasErrors => Rows.Any(row => row.Errors != 0);

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Started,
            Machine = new
            {
                Cores = Environment.ProcessorCount,
                Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
                System = RuntimeInformation.OSDescription,
                Runtime = RuntimeInformation.FrameworkDescription,
            },
            Systems = Systems.Select(system => new { system.Name, system.Version }),
            Rows,
            Ratios,
        },
        _json);
}
