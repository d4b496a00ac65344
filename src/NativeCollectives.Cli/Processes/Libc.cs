using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// The functions of the C library by which processes are started, watched and ended; those of Linux and of macOS.
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>
    /// More than a posix_spawnattr_t, a posix_spawn_file_actions_t, a sigset_t or a siginfo_t takes on any system:
    /// those are zeroed blocks of this size.
    /// </summary>
    public const int OpaqueSize = 1024;

    public const int NoSuchFile = 2;
    public const int Interrupted = 4;
    public const int BrokenPipe = 32;

    public const int WaitNoHang = 1;
    public const int ProcessId = 1;
    public const int WaitExited = 4;

    public static readonly int WouldBlock = OperatingSystem.IsMacOS() ? 35 : 11;
    public static readonly int WaitNoReap = OperatingSystem.IsMacOS() ? 0x20 : 0x01000000;

    public const short SpawnSignalDefaults = 0x04;
    public const short SpawnSignalMask = 0x08;
    public static readonly short SpawnSession = OperatingSystem.IsMacOS() ? (short)0x400 : (short)0x80;

    public const int ExecuteAccess = 1;
    public const int BecomeSubreaper = 36;
    public const short PollIn = 1;
    public const short PollOut = 4;

    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn")]
    public static partial int Spawn(
        out int process,
        byte* path,
        void* actions,
        void* attributes,
        byte** arguments,
        byte** environment
    );

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    public static partial int AttributesInit(void* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    public static partial int AttributesDestroy(void* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    public static partial int AttributesSetFlags(void* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    public static partial int AttributesSetMask(void* attributes, void* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    public static partial int AttributesSetDefaults(void* attributes, void* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    public static partial int ActionsInit(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    public static partial int ActionsDestroy(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    public static partial int ActionsDuplicate(void* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addchdir_np")]
    public static partial int ActionsChangeFolder(void* actions, byte* path);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    public static partial int SignalsNone(void* signals);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    public static partial int SignalsAll(void* signals);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    public static partial int WaitId(int kind, int process, void* info, int options);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    public static partial int WaitPid(int process, out int status, int options);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, nuint first, nuint second, nuint third, nuint fourth);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "isatty", SetLastError = true)]
    public static partial int IsTerminal(int descriptor);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp", SetLastError = true)]
    public static partial int ForegroundGroup(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    public static partial int OwnGroup();

    /// <summary>
    /// Gives a signal its default meaning back, before the runtime looks at it: a parent that ignores the end of its
    /// children hands that on, and then nobody's end can be waited for.
    /// </summary>
    public static void RestoreDefault(int signal) => _ = SetHandler(signal, 0);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    private static partial nint SetHandler(int signal, nint handler);
}
