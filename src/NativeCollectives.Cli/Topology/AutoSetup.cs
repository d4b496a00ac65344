using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Topology;

/// <summary>Runs setup commands on the hosts, which needs sudo to ask for no password there.</summary>
internal sealed class AutoSetup(IRemoteShell shell, TextWriter log)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    /// <summary>The hosts on which sudo asks for a password, or may not be used.</summary>
    public async Task<IReadOnlyList<string>> WithoutSudoAsync(
        IEnumerable<string> hosts,
        CancellationToken cancellationToken
    )
    {
        var probes = await Task.WhenAll(
            hosts.Select(async host =>
                (Host: host, Result: await shell.RunAsync(host, "sudo -n true", _patience, cancellationToken))
            )
        );
        return [.. probes.Where(probe => probe.Result.ExitCode != 0).Select(probe => probe.Host)];
    }

    /// <summary>Runs the commands of a host in order.</summary>
    /// <exception cref="ToolException">One fails.</exception>
    public async Task RunAsync(string host, IReadOnlyList<string> commands, CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            ProcessResult result = await shell.RunAsync(host, command, _patience, cancellationToken);
            if (result.ExitCode == 0)
            {
                continue;
            }

            var failure = $"host {host}: {command} failed with exit code {result.ExitCode}: {result.Errors.Trim()}";
            if (!SetupCommands.MayFail(command))
            {
                throw new ToolException(failure);
            }

            await log.WriteLineAsync($"collectives: warning: {failure}");
        }
    }
}
