using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Processes;

/// <summary>The signals that ask the tool to end: Ctrl-C, SIGTERM, and SIGHUP when the terminal is gone.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Lock _lock = new();
    private Action<int>? _receiver;

    public Interruption() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, Signals.Interrupt)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, Signals.Terminate)),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Handle(context, Signals.Hangup)),
    ];

    /// <summary>The first signal that has come; null: none.</summary>
    public int? First { get; private set; }

    /// <summary>Tells somebody of every signal, also of one that has come before; until it is told anew, instead of somebody else.</summary>
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
            First ??= signal;
            _receiver?.Invoke(signal);
        }
    }
}
