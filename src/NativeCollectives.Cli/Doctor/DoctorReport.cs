using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Cli.Doctor.Configured;
using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor;

/// <summary>All that doctor has found out: what <c>--json</c> prints.</summary>
/// <param name="Healthy">Whether nothing is wrong.</param>
/// <param name="Findings">Everything that is wrong.</param>
/// <param name="Machine">This machine.</param>
/// <param name="Configuration">What a program started here would do.</param>
/// <param name="Hostfile">The hosts and links of a hostfile; <see langword="null"/>: none was given.</param>
internal sealed record DoctorReport(
    bool Healthy,
    IReadOnlyList<Finding> Findings,
    MachineReport Machine,
    ConfigurationReport Configuration,
    ClusterReport? Hostfile
)
{
    public static DoctorReport Of(MachineReport machine, ConfigurationReport configuration, ClusterReport? hostfile)
    {
        // The configuration may name the very hostfile that is tested.
        Finding[] findings =
        [
            .. (
                machine.NativeCore.Error is { } error
                    ? [new Finding("this machine", error.TrimEnd('.'))]
                    : Enumerable.Empty<Finding>()
            )
                .Concat(configuration.Findings)
                .Concat(
                    configuration.Warning is { } warning
                        ? [new Finding("the configuration", warning.TrimEnd('.'))]
                        : Enumerable.Empty<Finding>()
                )
                .Concat(hostfile?.Findings ?? [])
                .Distinct(),
        ];
        return new DoctorReport(findings.Length == 0, findings, machine, configuration, hostfile);
    }
}

/// <summary>Something that is wrong.</summary>
/// <param name="Where">What it is wrong with, such as <c>link 0 → 1</c> or <c>rank 2</c>.</param>
/// <param name="Message">What is wrong: a sentence without a full stop.</param>
internal sealed record Finding(string Where, string Message);

/// <summary>
/// How doctor's records become JSON: camelCase names, <see langword="null"/> where nothing is known;
/// docs/tool-doctor.md lists them.
/// </summary>
internal static class DoctorJson
{
    public static JsonSerializerOptions Compact { get; } = Make(indented: false);

    public static JsonSerializerOptions Readable { get; } = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented) =>
        new(JsonSerializerDefaults.Web)
        {
            WriteIndented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NumberHandling = JsonNumberHandling.Strict,
        };
}
