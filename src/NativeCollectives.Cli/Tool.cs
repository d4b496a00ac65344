using System.CommandLine;
using System.CommandLine.Parsing;
using System.ComponentModel;
using System.Text;
using NativeCollectives.Cli.Bench;
using NativeCollectives.Cli.Doctor;
using NativeCollectives.Cli.Launch;
using NativeCollectives.Cli.Processes;
using NativeCollectives.Cli.Topology;

namespace NativeCollectives.Cli;

/// <summary>
/// Runs the command that the arguments name; errors become one sentence on the standard error stream and an exit code.
/// </summary>
internal static class Tool
{
    private const int LongestSentence = 3000;

    /// <summary>Runs it.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="say">Who gets the sentences; null: the standard error stream.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, Action<string>? say = null)
    {
        say ??= Say;
        Command launch = LaunchCommand.Create();
        var root = new RootCommand("Launches, checks, plans and measures programs that use NativeCollectives.")
        {
            launch,
            DoctorCommand.Create(),
            TopologyCommand.Create(),
            BenchCommand.Create(),
        };
        try
        {
            ParseResult parsed = root.Parse(LaunchArguments.Separate(arguments, launch));
            if (parsed.Errors.Count > 0)
            {
                // One mistake at a time; what is not understood comes before what is missing because of it.
                bool isUnmatched(ParseError error) =>
                    parsed.UnmatchedTokens.Any(token => error.Message.Contains(token, StringComparison.Ordinal));
                ParseError error = parsed.Errors.FirstOrDefault(isUnmatched) ?? parsed.Errors[0];
                say(
                    $"{Shown.Text(error.Message)}{Suggestion(parsed)}\nSee: collectives --help, collectives COMMAND "
                        + "--help"
                );
                return ExitCodes.Usage;
            }

            return await parsed.InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }
            );
        }
        catch (ToolException failure)
        {
            say(Shown.Text(failure.Message, LongestSentence));
            return failure.ExitCode;
        }
        catch (Exception failure)
        {
            say(Describe(failure));
            return ExitCodes.Failed;
        }
    }

    // Where something runs out, or the surroundings are not as they should be, anything may throw.
    private static string Describe(Exception failure) =>
        failure switch
        {
            AggregateException { InnerExceptions: [var only] } => Describe(only),
            ToolException known => known.Message,
            IOException or UnauthorizedAccessException or Win32Exception => Shown.Text(failure.Message.Trim()),
            OutOfMemoryException => "there is not enough memory",
            _ => $"something unexpected went wrong: {failure.GetType().Name}: {Shown.Text(failure.Message)}",
        };

    private static string Suggestion(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        IEnumerable<string> names = command
            .Subcommands.Select(static known => known.Name)
            .Concat(command.Options.Select(static option => option.Name));
        return parsed.UnmatchedTokens.Count > 0 && Similar.To(parsed.UnmatchedTokens[0], names) is { } meant
            ? $" Did you mean {meant}?"
            : "";
    }

    // Not by Console, which would need a descriptor more. If nobody can be told, the exit code says that something went
    // wrong.
    private static void Say(string sentence) =>
        _ = StandardStreams.Write(StandardStreams.Errors, Encoding.UTF8.GetBytes($"collectives: {sentence}\n"));
}
