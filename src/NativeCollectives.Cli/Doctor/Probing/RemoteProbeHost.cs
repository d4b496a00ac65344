using System.Globalization;
using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>
/// A host that ssh reaches, on which the tool is installed: probes run there as hidden commands of the tool.
/// </summary>
/// <param name="ssh">The host, as ssh knows it.</param>
/// <param name="tool">The command that runs the tool there.</param>
/// <param name="stepTime">How long each step of a probe may take.</param>
internal sealed class RemoteProbeHost(string ssh, string tool, TimeSpan stepTime) : IProbeHost
{
    // Connecting by ssh and starting .NET on a slow host comes before a probe's first step.
    private static readonly TimeSpan _startTime = TimeSpan.FromSeconds(10);

    public async Task<MachineReport> InspectAsync(CancellationToken cancellationToken)
    {
        await using var remote = Start(ProbeCommands.MachineName, []);
        return await remote.ReadAsync<MachineReport>(_startTime + stepTime, cancellationToken);
    }

    public async Task<IListeningProbe> ListenAsync(string address, int port, CancellationToken cancellationToken)
    {
        RemoteTool remote = Start(
            ProbeCommands.ListenName,
            ["--address", address, "--port", Number(port), "--timeout", Seconds]
        );
        try
        {
            ProbeListening listening = await remote.ReadAsync<ProbeListening>(_startTime + stepTime, cancellationToken);
            return listening is { Port: { } actual, Token: { } token }
                ? new Listening(remote, new ProbeTarget(address, actual, token))
                : throw new ProbeException(
                    ProbeStep.Listen,
                    listening.Error ?? $"the tool on {ssh} does not say where it listens"
                );
        }
        catch
        {
            await remote.DisposeAsync();
            throw;
        }
    }

    public async Task<ProbeResult> CallAsync(ProbeTarget target, CancellationToken cancellationToken)
    {
        await using var remote = Start(
            ProbeCommands.CallName,
            ["--address", target.Host, "--port", Number(target.Port), "--token", target.Token, "--timeout", Seconds]
        );
        try
        {
            return await remote.ReadAsync<ProbeResult>(
                _startTime + ProbeCommands.LongestCall(stepTime),
                cancellationToken
            );
        }
        catch (ProbeException failure)
        {
            return ProbeResult.Failed(failure);
        }
    }

    private string Seconds => stepTime.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private RemoteTool Start(string command, IReadOnlyList<string> arguments) =>
        RemoteTool.Start(ssh, tool, ["doctor", command, .. arguments], stepTime);

    private sealed class Listening(RemoteTool remote, ProbeTarget target) : IListeningProbe
    {
        public ProbeTarget Target => target;

        public ValueTask DisposeAsync() => remote.DisposeAsync();
    }
}
