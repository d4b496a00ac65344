using Spectre.Console;

namespace NativeCollectives.Cli.Doctor.Output;

/// <summary>The standard streams, for Spectre.Console.</summary>
internal static class Consoles
{
    // A pipe has no width; lines are broken only where a terminal would have been wide.
    private const int WidthOfPipe = 160;

    public static IAnsiConsole Output() => Of(Console.Out, Console.IsOutputRedirected);

    public static IAnsiConsole Errors() => Of(Console.Error, Console.IsErrorRedirected);

    private static IAnsiConsole Of(TextWriter writer, bool redirected)
    {
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(writer),
                Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
                ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
                Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
            }
        );
        if (redirected)
        {
            console.Profile.Width = WidthOfPipe;
        }

        return console;
    }
}
