using System.CommandLine;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// Makes everything from the program on the program's: without it, options behind the program's name that the tool has
/// too would be the tool's.
/// </summary>
internal static class LaunchArguments
{
    private static readonly string[] _help = ["--help", "-h", "-?"];

    /// <summary>What users of other launchers write.</summary>
    private static readonly Dictionary<string, string> _otherwise = new()
    {
        ["--np"] = "-n",
        ["--nproc"] = "-n",
        ["--nproc-per-node"] = "-n",
        ["--nproc_per_node"] = "-n",
        ["--ntasks"] = "-n",
        ["--num-ranks"] = "-n",
        ["--size"] = "-n",
        ["-N"] = "-n",
        ["--host"] = "--hosts",
        ["-H"] = "--hosts",
        ["--machinefile"] = "--hostfile",
        ["-x"] = "--env",
        ["--wdir"] = "--cwd",
        ["--max-restarts"] = "--restart",
        ["--port"] = "--starting-port",
    };

    /// <summary>
    /// The arguments with <c>--</c> before the program, if they are those of <paramref name="launch"/> and have none
    /// there.
    /// </summary>
    /// <exception cref="ToolException">Before the program there is an option that launch does not have.</exception>
    public static IReadOnlyList<string> Separate(IReadOnlyList<string> arguments, Command launch)
    {
        if (arguments.Count == 0 || arguments[0] != launch.Name)
        {
            return arguments;
        }

        for (var index = 1; index < arguments.Count; index++)
        {
            var argument = arguments[index];
            if (argument == "--")
            {
                return arguments;
            }

            if (argument.Length < 2 || argument[0] != '-')
            {
                return [.. arguments.Take(index), "--", .. arguments.Skip(index)];
            }

            // An option that takes a value takes the next argument, unless it has its value in itself as in
            // --hosts=a,b.
            if (Find(argument) is { } option)
            {
                index += option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool) ? 1 : 0;
                continue;
            }

            var end = argument.IndexOfAny(['=', ':']);
            var name = end > 0 ? argument[..end] : argument;
            if (!_help.Contains(argument) && Find(name) is null && Find(argument[..2]) is null)
            {
                throw Unknown(name, launch);
            }
        }

        return arguments;

        Option? Find(string name) =>
            launch.Options.FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name));
    }

    private static ToolException Unknown(string name, Command launch)
    {
        var names = launch
            .Options.SelectMany(static option => option.Aliases.Prepend(option.Name))
            .Where(static known => known.Length > 2);
        var meant = _otherwise.GetValueOrDefault(name) ?? Similar.To(name, names);
        var hint = meant is null ? "see collectives launch --help" : $"perhaps {meant} is meant";
        return ToolException.Usage(
            $"launch has no option {Shown.Text(name)}, and a program's own options come after its name; {hint}"
        );
    }
}
