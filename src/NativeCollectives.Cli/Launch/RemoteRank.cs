using System.Text;
using NativeCollectives.Cli.Hosts;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// A rank on another host: an ssh whose connection carries its streams, and further ones that end it.
/// </summary>
internal sealed class RemoteRank : Rank
{
    /// <summary>Start-up files that print more before the rank begins are not waited through.</summary>
    private const int LongestPreamble = 1 << 16;

    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _signalTimeout = TimeSpan.FromSeconds(10);

    private readonly RemoteScript _script;
    private readonly IRemoteShell _shell;
    private readonly MemoryStream _preamble = new();
    private volatile Tuple<int, string>? _group;
    private bool _isPastPreamble;

    private RemoteRank(RankPlan plan, ProcessStart start, RemoteScript script, IRemoteShell shell)
        : base(plan, ChildProcess.Start(start))
    {
        _script = script;
        _shell = shell;
    }

    /// <summary>Whether the host has begun to run the rank; otherwise its end is ssh's own.</summary>
    public bool HasBegun => _group is not null;

    public static RemoteRank Start(RankPlan plan, TimeSpan grace, IRemoteShell shell)
    {
        var script = new RemoteScript($"collectives-{Guid.NewGuid():N}");
        var environment = LocalRank.Inherited();
        var size = environment.Where(variable => variable.Key is "COLUMNS" or "LINES").Concat(plan.Variables);
        var remote = plan with
        {
            Variables = new Dictionary<string, string>(size.DistinctBy(variable => variable.Key)),
        };
        var command = SshShell.Command(
            plan.Host.Ssh,
            script.Run(remote, CurrentFolder.PathOrNull ?? "/", grace),
            _connectTimeout,
            "-o",
            "ServerAliveInterval=5",
            "-o",
            "ServerAliveCountMax=3",
            "-T"
        );
        var rank = new RemoteRank(
            plan,
            ProcessStart.Of(command, environment, CurrentFolder.PathOrNull ?? "/"),
            script,
            shell
        );
        if (plan.Secrets.Count > 0)
        {
            var secrets = plan
                .Variables.Where(variable => plan.Secrets.Contains(variable.Key))
                .Select(static variable => Secrets.Line(variable.Key, variable.Value));
            rank.Write(Encoding.UTF8.GetBytes(string.Concat(secrets) + ".\n"));
        }

        return rank;
    }

    public override ProcessEnd Wait()
    {
        var end = Process.Wait();
        return end.Signal is null && HasBegun ? ProcessEnd.FromShell(end.ExitCode) : end;
    }

    public override void Signal(int signal)
    {
        if (!Send(signal) && signal == Signals.Terminate)
        {
            Process.Signal(Signals.Terminate);
        }
    }

    public override void Kill()
    {
        Send(Signals.Kill);

        // Should the host not answer: what the connection's end leaves there ends itself.
        Process.Signal(Signals.Kill);
    }

    public override ReadOnlySpan<byte> Filter(ReadOnlySpan<byte> output)
    {
        if (_isPastPreamble)
        {
            return output;
        }

        _preamble.Write(output);
        var all = _preamble.GetBuffer().AsSpan(0, (int)_preamble.Length);
        for (var start = 0; all[start..].IndexOf((byte)'\n') is >= 0 and var length; start += length + 1)
        {
            if (_script.ParseFirstLine(Encoding.UTF8.GetString(all.Slice(start, length))) is { } begun)
            {
                _isPastPreamble = true;
                _group = Tuple.Create(begun.Group, begun.Folder);
                return all[(start + length + 1)..];
            }
        }

        _isPastPreamble = all.Length > LongestPreamble;
        return _isPastPreamble ? all : [];
    }

    /// <summary>Sends a signal on the host.</summary>
    /// <returns>Whether the host took it.</returns>
    private bool Send(int signal)
    {
        if (_group is { } group)
        {
            var command = RemoteScript.Signal(signal, group.Item1, group.Item2);
            var result = _shell
                .RunAsync(Plan.Host.Ssh, command, _signalTimeout, CancellationToken.None)
                .GetAwaiter()
                .GetResult();
            return result.ExitCode is not (255 or ExitCodes.TimedOut);
        }

        return false;
    }
}
