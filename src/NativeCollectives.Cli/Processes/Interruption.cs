using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// The signals that the tool gets: those that ask it to end (Ctrl-C, Ctrl-\, SIGTERM, and SIGHUP when the terminal is
/// gone), and those that mean something to programs only, which it passes on.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Lock _lock = new();
    private Action<int>? _receiver;

    public Interruption() =>
        _registrations = [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, Signals.Interrupt)),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context => Handle(context, Signals.Quit)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, Signals.Terminate)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Handle(context, Signals.Hangup)),
            PosixSignalRegistration.Create((PosixSignal)Signals.User1, context => Handle(context, Signals.User1)),
            PosixSignalRegistration.Create((PosixSignal)Signals.User2, context => Handle(context, Signals.User2)),
        ];

    /// <summary>The first signal that has asked to end; null: none has.</summary>
    public int? First { get; private set; }

    /// <summary>Whether a signal is the programs' affair.</summary>
    public static bool IsForRanks(int signal) => signal == Signals.User1 || signal == Signals.User2;

    /// <summary>
    /// Tells somebody of every signal, also of one that has asked to end before; until it is told anew, instead of
    /// somebody else.
    /// </summary>
    public void Tell(Action<int>? receiver)
    {
        lock (_lock)
        {
            _receiver = receiver;
            if (First is { } signal)
            {
                receiver?.Invoke(signal);
            }
        }
    }

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    private void Handle(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        lock (_lock)
        {
            First ??= IsForRanks(signal) ? null : signal;
            _receiver?.Invoke(signal);
        }
    }
}
