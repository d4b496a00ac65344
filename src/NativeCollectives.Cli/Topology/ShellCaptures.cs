using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Topology;

/// <summary>Asks the hosts themselves.</summary>
internal sealed class ShellCaptures(IRemoteShell shell) : ICaptureSource
{
    private const string Probe = "echo success";
    private static readonly TimeSpan _connecting = TimeSpan.FromSeconds(5);

    // system_profiler takes several seconds on a Mac with many devices.
    private static readonly TimeSpan _answering = TimeSpan.FromSeconds(60);

    public async Task<string?> UnreachableAsync(string host, CancellationToken cancellationToken)
    {
        ProcessResult result = await shell.RunAsync(host, Probe, _connecting, cancellationToken);
        return result.ExitCode == 0 ? null : Reason(result);
    }

    public async Task<Capture> CaptureAsync(string host, bool thunderbolt, CancellationToken cancellationToken)
    {
        var capture = new Capture(host) { IpConfig = await OptionalAsync(LanAddress.Command) };
        return thunderbolt
            ? capture with
            {
                SystemProfiler = await RequiredAsync(ThunderboltReport.Command),
                NetworkSetup = await RequiredAsync(HardwarePorts.Command),
                IbvDevices = await OptionalAsync(RdmaDevices.Command),
            }
            : capture;

        async Task<string> RequiredAsync(string command)
        {
            ProcessResult result = await shell.RunAsync(host, command, _answering, cancellationToken);
            return result.ExitCode == 0
                ? result.Output
                : throw new ToolException($"host {host}: {command} failed ({Reason(result)}); expected a Mac");
        }

        // A command that fails, or is not there, has nothing to say; but a connection that is lost must not look like
        // that.
        async Task<string> OptionalAsync(string command)
        {
            ProcessResult result = await shell.RunAsync(host, command, _answering, cancellationToken);
            return result.ExitCode switch
            {
                0 => result.Output,
                255 or ExitCodes.TimedOut => throw new ToolException(
                    $"host {host}: {command} failed ({Reason(result)})"
                ),
                _ => "",
            };
        }
    }

    private static string Reason(ProcessResult result) =>
        result
            .Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .LastOrDefault()
        ?? $"exit code {result.ExitCode}";
}
