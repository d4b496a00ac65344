using System.CommandLine;
using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>
/// The hidden commands that doctor runs on other hosts. Each says what it has to say in one line, and ends when its
/// standard input does.
/// </summary>
internal static class ProbeCommands
{
    public const string MachineName = "probe-machine";
    public const string ListenName = "probe-listen";
    public const string CallName = "probe-connect";

    // To start the caller on its host, by ssh.
    private static readonly TimeSpan _callerMayTake = TimeSpan.FromSeconds(30);

    public static IEnumerable<Command> Create() => [CreateMachine(), CreateListen(), CreateCall()];

    /// <summary>
    /// The longest that a probe can take: five steps, of which the last is done in both directions, and each of these
    /// may overrun its half by one transfer.
    /// </summary>
    public static TimeSpan LongestCall(TimeSpan stepTime) => 8 * stepTime;

    private static Command CreateMachine()
    {
        var command = new Command(MachineName, "Describes this machine.") { Hidden = true };
        command.SetAction(
            (_, cancellationToken) =>
                AsLongAsInputLastsAsync(_ => RemoteTool.WriteAsync(MachineInspector.Inspect()), cancellationToken)
        );
        return command;
    }

    private static Command CreateListen()
    {
        var address = new Option<string>("--address") { Required = true };
        var port = new Option<int>("--port");
        var timeout = new Option<double>("--timeout") { Required = true };
        var command = new Command(ListenName, "Listens for a probe.") { address, port, timeout };
        command.Hidden = true;
        command.SetAction(
            (parsed, cancellationToken) =>
                AsLongAsInputLastsAsync(
                    token =>
                        ListenAsync(
                            parsed.GetValue(address)!,
                            parsed.GetValue(port),
                            TimeSpan.FromSeconds(parsed.GetValue(timeout)),
                            token
                        ),
                    cancellationToken
                )
        );
        return command;
    }

    private static Command CreateCall()
    {
        var address = new Option<string>("--address") { Required = true };
        var port = new Option<int>("--port") { Required = true };
        var token = new Option<string>("--token") { Required = true };
        var timeout = new Option<double>("--timeout") { Required = true };
        var command = new Command(CallName, "Probes a link.") { address, port, token, timeout };
        command.Hidden = true;
        command.SetAction(
            (parsed, cancellationToken) =>
                AsLongAsInputLastsAsync(
                    async end =>
                    {
                        var target = new ProbeTarget(
                            parsed.GetValue(address)!,
                            parsed.GetValue(port),
                            parsed.GetValue(token)!
                        );
                        await RemoteTool.WriteAsync(
                            await ProbeCaller.RunAsync(target, TimeSpan.FromSeconds(parsed.GetValue(timeout)), end)
                        );
                    },
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task ListenAsync(
        string address,
        int port,
        TimeSpan stepTime,
        CancellationToken cancellationToken
    )
    {
        ProbeListener listener;
        try
        {
            listener = await ProbeListener.OpenAsync(address, port, stepTime, cancellationToken);
        }
        catch (ProbeException failure)
        {
            await RemoteTool.WriteAsync(new ProbeListening(null, null, failure.Message));
            return;
        }

        using (listener)
        {
            await RemoteTool.WriteAsync(new ProbeListening(listener.Port, listener.Token, null));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(LongestCall(stepTime) + _callerMayTake);
            await listener.ServeAsync(limit.Token);
        }
    }

    // Whoever started the probe holds its input open for as long as he lives.
    private static async Task<int> AsLongAsInputLastsAsync(
        Func<CancellationToken, Task> probe,
        CancellationToken cancellationToken
    )
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task input = Console.OpenStandardInput().CopyToAsync(Stream.Null, end.Token);
        Task work = probe(end.Token);
        if (await Task.WhenAny(work, input) == input)
        {
            await end.CancelAsync();
        }

        try
        {
            await work;
            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Failed;
        }
    }
}

/// <summary>What a listening probe on another host says first: where it listens, or why it does not.</summary>
internal sealed record ProbeListening(int? Port, string? Token, string? Error);
