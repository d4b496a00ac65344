using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// The tool's own standard streams as the system has them: bytes, no line editing, and an error where a pipe's reader
/// is gone, which the streams of Console hide.
/// </summary>
internal static unsafe class StandardStreams
{
    public const int Input = 0;
    public const int Output = 1;
    public const int Errors = 2;

    public static bool IsTerminal(int descriptor) => Libc.IsTerminal(descriptor) == 1;

    /// <summary>
    /// Whether the standard input can be read: not if it is the terminal and belongs to another job, which would stop
    /// this process, nor if it was closed and the runtime has since opened something of its own under its number: a
    /// pipe to itself, which would never end.
    /// </summary>
    public static bool IsInputUsable()
    {
        if (IsTerminal(Input))
        {
            return Libc.ForegroundGroup(Input) == Libc.OwnGroup();
        }

        return !OperatingSystem.IsLinux()
            || Link("/proc/self/fd/0") is not { } input
            || !input.StartsWith("pipe:", StringComparison.Ordinal)
            || !Directory
                .EnumerateFileSystemEntries("/proc/self/fd")
                .Any(file => Link(file) == input && IsForWriting(Path.GetFileName(file)));
    }

    private static bool IsForWriting(string descriptor)
    {
        // "flags:", then the flags of open(2) as an octal number, whose last digit is odd if the file is open for
        // writing only.
        var flags = File.ReadLines($"/proc/self/fdinfo/{descriptor}")
            .FirstOrDefault(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return flags is [.., '1' or '3' or '5' or '7'];
    }

    private static string? Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>What the user is told if the standard output cannot be written.</summary>
    public static string CannotWrite(int error) =>
        $"the standard output cannot be written: {Marshal.GetPInvokeErrorMessage(error)}";

    /// <summary>Reads what there is; waits if there is nothing, also where somebody has made it non-blocking.</summary>
    /// <returns>How many bytes; 0 at the end, which an error also is.</returns>
    public static int Read(Span<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                var count = Libc.Read(Input, pointer, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Libc.Interrupted:
                        break;
                    case var error when error == Libc.WouldBlock:
                        Await(Input, Libc.PollIn);
                        break;
                    default:
                        return 0;
                }
            }
        }
    }

    /// <summary>Writes all of it.</summary>
    /// <returns>0, or the error by which it could not be written.</returns>
    public static int Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var written = 0;
            while (written < bytes.Length)
            {
                var count = Libc.Write(descriptor, start + written, (nuint)(bytes.Length - written));
                if (count >= 0)
                {
                    written += (int)count;
                    continue;
                }

                var error = Marshal.GetLastPInvokeError();
                if (error == Libc.WouldBlock)
                {
                    Await(descriptor, Libc.PollOut);
                }
                else if (error != Libc.Interrupted)
                {
                    return error;
                }
            }

            return 0;
        }
    }

    private static void Await(int descriptor, short events)
    {
        var poll = new Libc.PollDescriptor { Descriptor = descriptor, Events = events };
        _ = Libc.Poll(&poll, 1, -1);
    }
}
