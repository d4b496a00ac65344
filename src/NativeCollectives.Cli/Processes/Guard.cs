using System.Globalization;
using System.Text;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// A shell beside the tool that ends the process groups it has been told of, and removes the temporary folder, should the tool die without doing so, of SIGKILL
/// for instance: it then
/// reads the end of its input.
/// </summary>
internal sealed class Guard : IDisposable
{
    private const string Script = """
        groups=
        while read -r group; do groups="$groups $group"; done
        for group in $groups; do kill -TERM -$group; done
        sleep "$1"
        for group in $groups; do kill -KILL -$group; done
        rm -rf "$2"
        """;

    private readonly ChildProcess _shell;

    /// <summary>Starts to watch.</summary>
    /// <param name="folder">What is removed.</param>
    /// <param name="grace">From SIGTERM to SIGKILL.</param>
    public Guard(string folder, TimeSpan grace) => _shell = ChildProcess.Start(new ProcessStart(
        "/bin/sh",
        ["sh", "-c", Script, "sh", Math.Ceiling(grace.TotalSeconds).ToString(CultureInfo.InvariantCulture), folder],
        new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" }));

    /// <summary>The process id of the shell.</summary>
    public int Id => _shell.Id;

    /// <summary>Tells it of a process group.</summary>
    public void Add(int group) => _shell.Input.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{group}\n")));

    /// <summary>Lets it go: the tool has ended everything itself.</summary>
    public void Dispose()
    {
        _shell.Signal(Signals.Kill);
        _shell.Wait();
        _shell.Dispose();
    }
}
