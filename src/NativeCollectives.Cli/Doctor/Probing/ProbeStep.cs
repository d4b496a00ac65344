using System.Text.Json.Serialization;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>What a probe does, in this order; a broken link is broken at one of them.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ProbeStep>))]
internal enum ProbeStep
{
    /// <summary>The tool is started on both hosts.</summary>
    [JsonStringEnumMemberName("reach")]
    Reach,

    /// <summary>The target listens on its address.</summary>
    [JsonStringEnumMemberName("listen")]
    Listen,

    /// <summary>The source looks the target's name up.</summary>
    [JsonStringEnumMemberName("resolve")]
    Resolve,

    /// <summary>The source connects.</summary>
    [JsonStringEnumMemberName("connect")]
    Connect,

    /// <summary>Source and target greet each other.</summary>
    [JsonStringEnumMemberName("greet")]
    Greet,

    /// <summary>Small messages go to and fro.</summary>
    [JsonStringEnumMemberName("latency")]
    Latency,

    /// <summary>Large messages go either way.</summary>
    [JsonStringEnumMemberName("transfer")]
    Transfer,
}

/// <summary>A probe did not get past a step; the message is a sentence without a full stop.</summary>
internal sealed class ProbeException(ProbeStep step, string message, Exception? cause = null)
    : Exception(message, cause)
{
    public ProbeStep Step { get; } = step;
}
