namespace NativeCollectives.Bench;

/// <summary>What was measured.</summary>
internal sealed record BenchmarkResult(IReadOnlyList<IBenchmarkSystem> Systems)
{
    public DateTimeOffset Started { get; } = DateTimeOffset.Now;

    public List<Row> Rows { get; } = [];

    public List<Ratio> Ratios { get; } = [];

    public bool HasErrors => Rows.Any(row => row.Errors != 0);

    public string ToJson() =>
        ResultJson.Of(
            new
            {
                Started,
                Machine = new MachineDescription(),
                Systems = Systems.Select(system => new { system.Name, system.Version }),
                Rows,
                Ratios,
            }
        );
}
