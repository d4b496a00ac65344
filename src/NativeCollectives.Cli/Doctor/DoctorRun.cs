using System.Text.Json;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Cli.Doctor.Configured;
using NativeCollectives.Cli.Doctor.Machine;
using NativeCollectives.Cli.Doctor.Output;
using NativeCollectives.Cli.Doctor.Probing;
using Spectre.Console;

namespace NativeCollectives.Cli.Doctor;

/// <summary>What <c>doctor</c> is asked for.</summary>
internal sealed record DoctorOptions
{
    public string? HostFile { get; init; }

    public string? Backend { get; init; }

    public string? Config { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>In 10⁹ bits per second.</summary>
    public double? MinimumBandwidth { get; init; }

    public string? RemoteCommand { get; init; }

    public bool Json { get; init; }
}

/// <summary>One run of <c>doctor</c>.</summary>
/// <param name="options">What it is asked for.</param>
/// <param name="output">Where the report goes.</param>
/// <param name="errors">Where the progress goes.</param>
internal sealed class DoctorRun(DoctorOptions options, IAnsiConsole output, IAnsiConsole errors)
{
    // Where dotnet tool install puts it is on the PATH of login shells only, and ssh starts another.
    private const string UsualRemoteCommand = "env \"PATH=$PATH:$HOME/.dotnet/tools\" collectives";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        ClusterPlan? plan = options.HostFile is { } path ? ClusterReader.Read(path, options.Backend) : null;
        var configuration = new ConfigurationInspector();
        ConfigurationReport configured = configuration.Inspect(options.Config);
        MachineReport machine = MachineInspector.Inspect(configuration.Options);
        ClusterReport? cluster = plan is null ? null : await InspectAsync(plan, machine, cancellationToken);
        DoctorReport report = DoctorReport.Of(machine, configured, cluster);
        if (options.Json)
        {
            output.Profile.Out.Writer.WriteLine(JsonSerializer.Serialize(report, DoctorJson.Readable));
        }
        else
        {
            new HumanReport(output).Write(report);
        }

        return report.Healthy ? ExitCodes.Success : ExitCodes.Unhealthy;
    }

    private async Task<ClusterReport> InspectAsync(
        ClusterPlan plan,
        MachineReport machine,
        CancellationToken cancellationToken
    )
    {
        var inspector = new ClusterInspector(plan, Access, options.Timeout, options.MinimumBandwidth);
        return errors.Profile.Capabilities.Interactive
            ? await errors
                .Status()
                .StartAsync(
                    $"Testing {plan.Path.EscapeMarkup()}",
                    context => inspector.RunAsync(now => context.Status(now.EscapeMarkup()), cancellationToken)
                )
            : await inspector.RunAsync(static _ => { }, cancellationToken);

        IProbeHost Access(string? ssh) =>
            ssh is null
                ? new LocalProbeHost(machine, options.Timeout)
                : new RemoteProbeHost(ssh, options.RemoteCommand ?? UsualRemoteCommand, options.Timeout);
    }
}
