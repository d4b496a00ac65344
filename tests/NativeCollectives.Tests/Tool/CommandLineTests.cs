using NativeCollectives.Cli;

namespace NativeCollectives.Tests.Tool;

/// <summary>What the tool says to a command line that is none.</summary>
[Category("Tool")]
[CancelAfter(60_000)]
public sealed class CommandLineTests
{
    [TestCase("", "Required command was not provided.")]
    [TestCase("lanch", "Unrecognized command or argument 'lanch'. Did you mean launch?")]
    [TestCase("bench --bogus 3", "Unrecognized command or argument '--bogus'.")]
    public async Task AMistakeIsOneSentence(string arguments, string sentence, CancellationToken cancellation)
    {
        var start = CollectivesTool.StartInfo(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var (code, output, errors) = await CollectivesTool.RunAsync(start, cancellation);
        Assert.That((code, output), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(
            errors,
            Is.EqualTo($"collectives: {sentence}\nSee: collectives --help, collectives COMMAND --help\n")
        );
    }

    [TestCase("")]
    [TestCase("launch")]
    [TestCase("doctor")]
    [TestCase("topology")]
    [TestCase("bench")]
    public async Task EveryCommandHasHelp(string command, CancellationToken cancellation)
    {
        string[] arguments = [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"];
        var (code, output, errors) = await CollectivesTool.RunAsync(CollectivesTool.StartInfo(arguments), cancellation);
        Assert.That((code, errors), Is.EqualTo((ExitCodes.Success, "")));
        Assert.That(output, Does.Contain("Description:").And.Contain($"collectives {command}".TrimEnd()));
    }
}
