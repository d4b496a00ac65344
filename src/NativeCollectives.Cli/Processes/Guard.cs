using System.Globalization;
using System.Text;

namespace NativeCollectives.Cli.Processes;

/// <summary>
/// A shell beside the tool that ends the process groups it has been told of, on Linux also those that have left them,
/// and removes the temporary folder, should the tool die without doing so, of SIGKILL for instance: it then reads the
/// end of its input.
/// </summary>
internal sealed class Guard : IDisposable
{
    /// <summary>The variable by which processes of a job are known whatever group they are in.</summary>
    public const string MarkVariable = "NC_LAUNCH_ID";

    // What kill says of a group that is gone has no reader any more: it must not end this shell.
    private const string Script = """
        trap '' PIPE HUP INT QUIT TERM USR1 USR2
        groups=' '
        while read -r change group; do
          case $change in
            +) groups="$groups$group " ;;
            -) case "$groups" in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
          esac
        done
        exec >/dev/null 2>&1
        end() {
          for group in $groups; do kill "$1" "-$group"; done
          for file in $(grep -lsxzF "$mark" /proc/[0-9]*/environ); do
            file=${file#/proc/}
            kill "$1" "${file%/environ}"
          done
        }
        mark=$3
        end -TERM
        sleep "$1"
        end -KILL
        rm -rf "$2"
        """;

    private readonly Lock _lock = new();
    private readonly ChildProcess _shell;
    private bool _isDisposed;

    /// <summary>Starts to watch.</summary>
    /// <param name="folder">What is removed.</param>
    /// <param name="mark">The value of <see cref="MarkVariable"/> in the job's processes.</param>
    /// <param name="grace">From SIGTERM to SIGKILL.</param>
    public Guard(string folder, string mark, TimeSpan grace) =>
        _shell = ChildProcess.Start(
            new ProcessStart(
                "/bin/sh",
                [
                    "sh",
                    "-c",
                    Script,
                    "sh",
                    Math.Ceiling(grace.TotalSeconds).ToString(CultureInfo.InvariantCulture),
                    folder,
                    $"{MarkVariable}={mark}",
                ],
                new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" }
            )
        );

    /// <summary>The process id of the shell.</summary>
    public int Id => _shell.Id;

    /// <summary>Tells it of a process group.</summary>
    public void Add(int group) => Tell('+', group);

    /// <summary>Tells it that nobody is left of a group, whose number may be somebody else's from now on.</summary>
    public void Remove(int group) => Tell('-', group);

    /// <summary>Lets it go: the tool has ended everything itself.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _shell.Signal(Signals.Kill);
            _shell.Wait();
            _shell.Dispose();
        }
    }

    private void Tell(char change, int group)
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            try
            {
                _shell.Input.Write(
                    Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{change} {group}\n"))
                );
            }
            catch (IOException)
            {
                // Somebody has killed it. The tool ends the ranks all the same.
            }
        }
    }
}
