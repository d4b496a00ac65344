namespace NativeCollectives.Cli.Processes;

/// <summary>The signals that the tool sends, and the names of those that a process may die of.</summary>
internal static class Signals
{
    public const int Hangup = 1;
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Abort = 6;
    public const int Kill = 9;
    public const int BrokenPipe = 13;
    public const int Terminate = 15;

    public static readonly int User1 = OperatingSystem.IsMacOS() ? 30 : 10;
    public static readonly int User2 = OperatingSystem.IsMacOS() ? 31 : 12;
    public static readonly int ChildEnded = OperatingSystem.IsMacOS() ? 20 : 17;

    private static readonly string[] _linux =
    [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
    ];
    private static readonly string[] _apple =
    [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGEMT",
        "SIGFPE",
        "SIGKILL",
        "SIGBUS",
        "SIGSEGV",
        "SIGSYS",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
    ];

    public static string Name(int signal)
    {
        var names = OperatingSystem.IsMacOS() ? _apple : _linux;
        return signal >= 1 && signal <= names.Length ? names[signal - 1] : $"signal {signal}";
    }
}
