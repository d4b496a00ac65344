using System.Text.Json.Serialization;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Cli.Doctor.Links;

/// <summary>A link, and what was found out about it.</summary>
/// <param name="From">The rank that connects.</param>
/// <param name="To">The rank that listens.</param>
/// <param name="FromHost">The host of the first.</param>
/// <param name="ToHost">The host of the second.</param>
/// <param name="Address">Where it listens, as the hostfile has it.</param>
/// <param name="State">What was found out.</param>
internal sealed record LinkReport(int From, int To, string FromHost, string ToHost, string Address, LinkState State)
{
    /// <summary>Of a broken link: the step at which it is.</summary>
    public ProbeStep? Step { get; init; }

    /// <summary>What is wrong.</summary>
    public string? Message { get; init; }

    /// <summary>What was measured; <see langword="null"/>: nothing.</summary>
    public ProbeResult? Probe { get; init; }

    [JsonIgnore]
    public bool IsWithinHost => FromHost == ToHost;

    public static LinkReport Of(ClusterPlan plan, Link link, LinkState state) =>
        new(
            link.From,
            link.To,
            plan.Ranks[link.From].Host,
            plan.Ranks[link.To].Host,
            link.Address.Port == 0 ? link.Address.Host : link.Address.ToString(),
            state
        );

    public static LinkReport Of(ClusterPlan plan, Link link, ProbeResult result) =>
        Of(plan, link, result.FailedStep is null ? LinkState.Ok : LinkState.Broken) with
        {
            Step = result.FailedStep,
            Message = result.Error,
            Probe = result,
        };
}

/// <summary>What was found out about a link.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LinkState>))]
internal enum LinkState
{
    /// <summary>Data goes both ways, as fast as over the other links.</summary>
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>Data goes both ways, but slower than over the other links, or than it should.</summary>
    [JsonStringEnumMemberName("slow")]
    Slow,

    /// <summary>No data comes through, or it comes changed.</summary>
    [JsonStringEnumMemberName("broken")]
    Broken,

    /// <summary>It could not be tested, as the tool does not run on one of its hosts.</summary>
    [JsonStringEnumMemberName("untested")]
    Untested,
}
