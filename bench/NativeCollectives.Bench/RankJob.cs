using System.Text.Json;

namespace NativeCollectives.Bench;

/// <summary>What a rank of ours is told: one line of JSON on its standard input.</summary>
internal sealed record RankJob(
    string Operation,
    int Rank,
    IReadOnlyList<IReadOnlyList<string>> Hosts,
    bool InPlace,
    IReadOnlyList<long> Counts,
    Pace Pace,
    TimeSpan OperationTimeout,
    string Output)
{
    public string ToJson() => JsonSerializer.Serialize(this) + "\n";

    public static RankJob FromJson(string json) => JsonSerializer.Deserialize<RankJob>(json) ?? throw new JsonException("null");
}
