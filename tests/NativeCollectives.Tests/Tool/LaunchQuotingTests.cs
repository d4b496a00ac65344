using System.Diagnostics;
using NativeCollectives.Cli.Processes;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests.Tool;

/// <summary>Words of the shell.</summary>
[Category("Tool")]
public sealed class LaunchQuotingTests
{
    [TestCase("plain/path-1.x", "plain/path-1.x")]
    [TestCase("", "''")]
    [TestCase("it's", "'it'\\''s'")]
    [TestCase("~", "'~'")]
    [TestCase("A=b", "'A=b'")]
    public void WordsAreQuotedWhereTheyMustBe(string text, string expected) =>
        Assert.That(ShellQuoting.Quote(text), Is.EqualTo(expected));

    [Test]
    [CancelAfter(60_000)]
    public async Task TheShellTakesThemForWhatTheyAre(CancellationToken cancellation)
    {
        string[] words =
        [
            "",
            " ",
            "a b",
            "$HOME",
            "`id`",
            "*",
            "'",
            "''\"\\",
            "line\nline",
            "ü€",
            "!x",
            "-n",
            "~",
            "a;b&c|d<e>f(g)",
            "{a,b}",
            "#",
            "\t",
        ];
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");

        // Twice, as the script of a remote rank is: a shell within what ssh gives to the user's.
        start.ArgumentList.Add($"exec /bin/sh -c {ShellQuoting.Quote($"printf '%s|' {ShellQuoting.Join(words)}")}");
        var shell = ChildProcesses.Start(start);
        try
        {
            Assert.That(
                await shell.StandardOutput.ReadToEndAsync(cancellation),
                Is.EqualTo(string.Concat(words.Select(word => word + "|")))
            );
        }
        finally
        {
            ChildProcesses.End(shell);
        }
    }
}
