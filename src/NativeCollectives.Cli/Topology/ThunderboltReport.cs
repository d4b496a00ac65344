using System.Text.Json;

namespace NativeCollectives.Cli.Topology;

/// <summary>
/// What <c>system_profiler SPThunderboltDataType -json</c> says of a Mac: a list of buses, each with a port and the
/// tree of what is connected to it.
/// </summary>
internal static class ThunderboltReport
{
    /// <summary>The command that gives the text.</summary>
    public const string Command = "system_profiler SPThunderboltDataType -json";

    private const string Buses = "SPThunderboltDataType";

    /// <summary>The ports, in the order of the report; buses without a port or an id are left out.</summary>
    /// <param name="host">The host's name, for the errors.</param>
    /// <param name="json">What the command printed there.</param>
    /// <exception cref="ToolException">The text is not such a report.</exception>
    public static IReadOnlyList<ThunderboltPort> Parse(string host, string json)
    {
        try
        {
            using var document = WholeJson.Parse(json);
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty(Buses, out JsonElement buses)
                || buses.ValueKind != JsonValueKind.Array
            )
            {
                throw new ToolException(
                    $"host {host}: {Command} printed something else than an object with a list \"{Buses}\""
                );
            }

            return [.. buses.EnumerateArray().Select(Port).OfType<ThunderboltPort>()];
        }
        catch (JsonException failure)
        {
            throw new ToolException(
                $"host {host}: {Command} printed something that is not JSON: {failure.Message}",
                ExitCodes.Failed,
                failure
            );
        }
    }

    private static ThunderboltPort? Port(JsonElement bus) =>
        Text(bus, "domain_uuid_key") is { } uuid && Receptacle(bus) is { } receptacle
            ? new ThunderboltPort(uuid, receptacle, [.. Peers(bus)])
            : null;

    /// <summary>The number of the first port of a bus. It is in an object called receptacle_N_tag.</summary>
    private static string? Receptacle(JsonElement bus) =>
        bus.EnumerateObject()
            .Where(property =>
                property.Name.StartsWith("receptacle_", StringComparison.Ordinal)
                && property.Name.EndsWith("_tag", StringComparison.Ordinal)
            )
            .Select(property => Text(property.Value, "receptacle_id_key"))
            .FirstOrDefault(number => number is not null);

    /// <summary>The ids of what is connected, level by level: behind a dock there may be another machine.</summary>
    private static IEnumerable<string> Peers(JsonElement bus)
    {
        for (List<JsonElement> level = Items(bus); level.Count > 0; level = [.. level.SelectMany(Items)])
        {
            foreach (var uuid in level.Select(item => Text(item, "domain_uuid_key")).OfType<string>())
            {
                yield return uuid;
            }
        }
    }

    private static List<JsonElement> Items(JsonElement parent) =>
        parent.ValueKind == JsonValueKind.Object
        && parent.TryGetProperty("_items", out JsonElement items)
        && items.ValueKind == JsonValueKind.Array
            ? [.. items.EnumerateArray()]
            : [];

    private static string? Text(JsonElement parent, string key) =>
        parent.ValueKind == JsonValueKind.Object
        && parent.TryGetProperty(key, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}

/// <summary>One Thunderbolt port of a Mac.</summary>
/// <param name="Uuid">The port's own id, by which the machine at the other end of a cable reports it.</param>
/// <param name="Receptacle">Its number, as in "Thunderbolt 1".</param>
/// <param name="Peers">
/// The ids that it reports from the other end, nearest first: of another machine's port, or of any other device.
/// </param>
internal sealed record ThunderboltPort(string Uuid, string Receptacle, IReadOnlyList<string> Peers);
