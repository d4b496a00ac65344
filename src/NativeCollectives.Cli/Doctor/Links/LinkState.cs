using System.Text.Json.Serialization;

namespace NativeCollectives.Cli.Doctor.Links;

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
