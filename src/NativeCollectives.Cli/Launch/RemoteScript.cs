using System.Globalization;
using System.Text;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// The scripts of the POSIX shell that ssh runs. sshd gives each a session, and so a process group, of its own, which
/// the first line of output reports; by it the rank and all that it starts are ended over another connection.
/// </summary>
/// <param name="mark">
/// What the first line begins with, so that it is told from what the host's own start-up files print.
/// </param>
internal sealed class RemoteScript(string mark)
{
    // Signals to the group, of which the script outlives the rank: it has to tell how that ended, and to tidy up.
    private const string ForRank = "TERM INT HUP QUIT USR1 USR2";

    /// <summary>
    /// Runs a rank: variables and file are made, what is left of the group at its end is killed, and so is everything
    /// when the connection ends.
    /// </summary>
    /// <param name="plan">What is started.</param>
    /// <param name="ownFolder">
    /// The tool's folder, where the rank starts if the plan names none and the host has it.
    /// </param>
    /// <param name="grace">From SIGTERM to SIGKILL.</param>
    public string Run(RankPlan plan, string ownFolder, TimeSpan grace)
    {
        var seconds = Math.Max(1, (int)Math.Ceiling(grace.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var script = new StringBuilder();
        script.Append("d=$(umask 077; mktemp -d \"${TMPDIR:-/tmp}/collectives-launch-XXXXXX\") || exit 126; ");
        script.Append(CultureInfo.InvariantCulture, $"g=$(ps -o pgid= -p $$ | tr -d ' '); trap : {ForRank}; ");
        script.Append(CultureInfo.InvariantCulture, $"printf '%s %s %s\\n' {mark} \"$g\" \"$d\"; ");

        // The lifeline: sshd's process for this connection is the parent, and ends with the connection. Nobody else
        // ends this group then.
        script.Append(
            CultureInfo.InvariantCulture,
            $"if kill -0 $PPID 2>/dev/null; then ( trap '' {ForRank}; while kill -0 $PPID; do sleep 1; done; "
        );
        script.Append(
            CultureInfo.InvariantCulture,
            $"kill -TERM -$g; sleep {seconds}; rm -rf \"$d\"; kill -KILL -$g ) </dev/null >/dev/null 2>&1 & fi; "
        );

        script.Append("( ");
        script.Append(
            plan.Folder is { } folder
                ? $"cd {Path(folder)} || exit {ExitCodes.CannotExecute}; "
                : $"cd {ShellQuoting.Quote(ownFolder)} 2>/dev/null || cd; "
        );
        if (plan.File is { } file)
        {
            script.Append(CultureInfo.InvariantCulture, $"{file.Key}=\"$d/{file.Key}.json\"; export {file.Key}; ");
            script.Append(
                CultureInfo.InvariantCulture,
                $"printf '%s\\n' {ShellQuoting.Quote(file.Value)} > \"${file.Key}\"; "
            );
        }

        // Secrets come over the standard input, since everybody on either host can read a command.
        if (plan.Secrets.Count > 0)
        {
            script.Append(
                "while IFS= read -r l && [ \"$l\" != . ]; do v=$(printf '%b_' \"${l#*=}\"); export "
                    + "\"${l%%=*}=${v%_}\"; done; unset l v; "
            );
        }

        foreach (var (name, value) in plan.Variables.Where(variable => !plan.Secrets.Contains(variable.Key)))
        {
            script.Append(CultureInfo.InvariantCulture, $"{name}={ShellQuoting.Quote(value)}; export {name}; ");
        }

        script.Append(CultureInfo.InvariantCulture, $"exec {ShellQuoting.Join(plan.Command)} ); ");

        // Those of the group that have outlived the rank, but for this shell.
        script.Append(
            "c=$?; rm -rf \"$d\"; p=$(ps -A -o pid= -o pgid= | awk -v g=\"$g\" -v s=$$ '$2 == g && $1 != s { print $1 "
                + "}'); "
        );
        script.Append("kill -KILL $p 2>/dev/null; exit $c");
        return Shell(script.ToString());
    }

    /// <summary>Sends a signal to a rank's group; with SIGKILL its temporary folder goes too.</summary>
    public static string Signal(int signal, int group, string folder)
    {
        var number = signal.ToString(CultureInfo.InvariantCulture);
        var whole = $"kill -{number} -{group.ToString(CultureInfo.InvariantCulture)}";
        return Shell(signal == Signals.Kill ? $"{whole}; rm -rf {ShellQuoting.Quote(folder)}" : whole);
    }

    /// <summary>
    /// The group and the folder of the line that <see cref="Run"/> has printed; null if the line is another.
    /// </summary>
    public (int Group, string Folder)? ParseFirstLine(string line) =>
        line.Split(' ', 3) is [var first, var group, var folder]
        && first == mark
        && int.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        && id > 1
            ? (id, folder)
            : null;

    // Whatever shell the user has there runs this one.
    private static string Shell(string script) => $"exec /bin/sh -c {ShellQuoting.Quote(script)}";

    // A home folder is the host's own: ~ must reach its shell.
    private static string Path(string folder) =>
        folder == "~" ? "~"
        : folder.StartsWith("~/", StringComparison.Ordinal) ? "~/" + ShellQuoting.Quote(folder[2..])
        : ShellQuoting.Quote(folder);
}
