using Spectre.Console;

namespace NativeCollectives.Cli.Bench;

/// <summary>What is being measured, in one line at the bottom of the terminal.</summary>
/// <param name="console">
/// The standard error stream; <see langword="null"/>: it is no terminal, and nothing is shown.
/// </param>
/// <param name="total">How many measurements there will be.</param>
internal sealed class ProgressLine(IAnsiConsole? console, int total)
{
    private readonly IAnsiConsole? _console = console?.Profile.Capabilities.Ansi == true ? console : null;
    private int _done;

    public void Show(string what)
    {
        Clear();
        _console?.Markup($"[grey][[{_done + 1}/{total}]] {what.EscapeMarkup()}[/]");
    }

    public void Advance() => _done++;

    /// <summary>Makes room for a line on the standard output.</summary>
    public void Clear() => _console?.Write(new ControlCode("\r\u001b[2K"));
}
