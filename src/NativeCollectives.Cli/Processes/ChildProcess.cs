using System.IO.Pipes;
using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// A process in a session, and so in a process group, of its own, with the default disposition of every signal and none
/// blocked; System.Diagnostics.Process offers neither. Its standard streams are pipes.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    private readonly AnonymousPipeServerStream? _input;
    private readonly AnonymousPipeServerStream? _output;
    private readonly AnonymousPipeServerStream? _errors;
    private bool _isGone;

    private ChildProcess(ProcessStart start)
    {
        if (start.IsOutputToErrors)
        {
            using var nothing = File.OpenHandle("/dev/null");
            Id = Spawn(start, (int)nothing.DangerousGetHandle(), 2, 2);
            return;
        }

        _input = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.None);
        _output = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        _errors = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.None);
        try
        {
            Id = Spawn(start, Descriptor(_input), Descriptor(_output), Descriptor(_errors));
        }
        catch
        {
            Dispose();
            throw;
        }

        _input.DisposeLocalCopyOfClientHandle();
        _output.DisposeLocalCopyOfClientHandle();
        _errors.DisposeLocalCopyOfClientHandle();
    }

    /// <summary>Its process id, which is also that of its group.</summary>
    public int Id { get; }

    public Stream Input => _input ?? Stream.Null;

    public Stream Output => _output ?? Stream.Null;

    public Stream Errors => _errors ?? Stream.Null;

    /// <summary>Starts a process.</summary>
    /// <exception cref="ToolException">The system does not start it.</exception>
    public static ChildProcess Start(ProcessStart start) => new(start);

    /// <summary>Waits for its end, on the calling thread; what is left of its group lives on.</summary>
    public unsafe ProcessEnd Wait()
    {
        // Its end is seen before it is reaped, so that its id is nobody else's whenever a signal is sent.
        var info = stackalloc byte[Libc.OpaqueSize];
        while (
            Libc.WaitId(Libc.ProcessId, Id, info, Libc.WaitExited | Libc.WaitNoReap) != 0
            && Marshal.GetLastPInvokeError() == Libc.Interrupted
        ) { }

        lock (_lock)
        {
            int reaped;
            int status;
            do
            {
                reaped = Libc.WaitPid(Id, out status, 0);
            } while (reaped < 0 && Marshal.GetLastPInvokeError() == Libc.Interrupted);
            return reaped == Id
                ? ProcessEnd.FromStatus(status)
                : throw new ToolException(
                    $"the end of process {Id} cannot be waited for: "
                        + $"{Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}"
                );
        }
    }

    /// <summary>Sends a signal to the whole group; nothing happens if nobody is left of it.</summary>
    public void Signal(int signal)
    {
        lock (_lock)
        {
            if (!_isGone)
            {
                _ = Libc.Kill(-Id, signal);
            }
        }
    }

    /// <summary>Waits until nobody is left of the group, whose leader has ended.</summary>
    /// <returns>Whether nobody is left.</returns>
    public bool WaitForGroup(TimeSpan patience)
    {
        var deadline = DateTime.UtcNow + patience;
        while (true)
        {
            lock (_lock)
            {
                // Those that this process has inherited are its own to reap.
                while (!_isGone && Libc.WaitPid(-Id, out _, Libc.WaitNoHang) > 0) { }

                _isGone |= Libc.Kill(-Id, 0) != 0;
                if (_isGone)
                {
                    return true;
                }
            }

            if (DateTime.UtcNow >= deadline)
            {
                return false;
            }

            Thread.Sleep(_poll);
        }
    }

    public void Dispose()
    {
        CloseInput();
        _output?.Dispose();
        _errors?.Dispose();
    }

    /// <summary>Tells the process that its input has ended.</summary>
    public void CloseInput()
    {
        _input?.DisposeLocalCopyOfClientHandle();
        _input?.Dispose();
    }

    private static int Descriptor(AnonymousPipeServerStream pipe) =>
        (int)pipe.ClientSafePipeHandle.DangerousGetHandle();

    private static unsafe int Spawn(ProcessStart start, int input, int output, int errors)
    {
        using var strings = new NativeStrings();
        var path = strings.Add(start.Path);
        var arguments = strings.Add(start.Arguments);
        var environment = strings.Add([.. start.Environment.Select(variable => $"{variable.Key}={variable.Value}")]);
        var block = (byte*)NativeMemory.AllocZeroed(3 * Libc.OpaqueSize);
        var attributes = block;
        var actions = block + Libc.OpaqueSize;
        var signals = block + (2 * Libc.OpaqueSize);
        try
        {
            Check(Libc.AttributesInit(attributes));
            Check(Libc.ActionsInit(actions));
            Libc.SignalsNone(signals);
            Check(Libc.AttributesSetMask(attributes, signals));
            Libc.SignalsAll(signals);
            Check(Libc.AttributesSetDefaults(attributes, signals));
            Check(
                Libc.AttributesSetFlags(
                    attributes,
                    (short)(Libc.SpawnSession | Libc.SpawnSignalMask | Libc.SpawnSignalDefaults)
                )
            );
            Check(Libc.ActionsDuplicate(actions, input, 0));
            Check(Libc.ActionsDuplicate(actions, output, 1));
            Check(Libc.ActionsDuplicate(actions, errors, 2));
            if (start.Folder is not null && start.Folder != CurrentFolder.PathOrNull)
            {
                ChangeFolder(actions, strings.Add(start.Folder));
            }

            Check(Libc.Spawn(out var process, path, actions, attributes, arguments, environment));
            return process;
        }
        finally
        {
            _ = Libc.ActionsDestroy(actions);
            _ = Libc.AttributesDestroy(attributes);
            NativeMemory.Free(block);
        }

        void ChangeFolder(byte* actions, byte* folder)
        {
            try
            {
                Check(Libc.ActionsChangeFolder(actions, folder));
            }
            catch (EntryPointNotFoundException)
            {
                throw new ToolException(
                    $"the system cannot start a program in another folder, here {start.Folder}: glibc 2.29 can, or "
                        + "macOS 10.15"
                );
            }
        }

        void Check(int error)
        {
            if (error != 0)
            {
                throw new ToolException(
                    $"the program {start.Path} cannot be executed in {start.Folder ?? CurrentFolder.PathOrNull}: "
                        + (
                            error == Libc.NoSuchFile && ProgramFile.InterpreterOf(start.Path) is { } interpreter
                                ? ProgramFile.LacksInterpreter(interpreter)
                                : Marshal.GetPInvokeErrorMessage(error)
                        ),
                    error == Libc.NoSuchFile ? ExitCodes.NotFound : ExitCodes.CannotExecute
                );
            }
        }
    }
}

/// <summary>How a process has ended.</summary>
/// <param name="ExitCode">As a shell says it: 128 plus the signal's number if it was killed by one.</param>
/// <param name="Signal">The signal that killed it; null if it exited.</param>
internal readonly record struct ProcessEnd(int ExitCode, int? Signal)
{
    /// <summary>From what waitpid(2) gives.</summary>
    public static ProcessEnd FromStatus(int status) =>
        (status & 0x7f) is not 0 and var signal
            ? new ProcessEnd(ExitCodes.Signalled + signal, signal)
            : new ProcessEnd((status >> 8) & 0xff, null);

    /// <summary>From a shell's exit code, in which a signal is a number above 128.</summary>
    public static ProcessEnd FromShell(int code) =>
        new(code, code is > ExitCodes.Signalled and <= ExitCodes.Signalled + 64 ? code - ExitCodes.Signalled : null);

    public override string ToString() =>
        Signal is { } signal ? $"was killed by {Signals.Name(signal)}" : $"exited with code {ExitCode}";
}
