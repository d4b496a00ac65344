using System.CommandLine;
using System.CommandLine.Parsing;

namespace NativeCollectives.Cli;

/// <summary>Runs the command that the arguments name; errors become one sentence on the standard error stream and an exit code.</summary>
internal static class Tool
{
    public static async Task<int> RunAsync(RootCommand root, IReadOnlyList<string> arguments)
    {
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            // One mistake at a time; what is not understood comes before what is missing because of it.
            ParseError error = parsed.Errors.FirstOrDefault(error => parsed.UnmatchedTokens.Any(token => error.Message.Contains(token, StringComparison.Ordinal)))
                ?? parsed.Errors[0];
            await Console.Error.WriteLineAsync($"collectives: {error.Message}");
            await Console.Error.WriteLineAsync("See: collectives --help, collectives COMMAND --help");
            return ExitCodes.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (ToolException failure)
        {
            await Console.Error.WriteLineAsync($"collectives: {failure.Message}");
            return failure.ExitCode;
        }
    }
}
