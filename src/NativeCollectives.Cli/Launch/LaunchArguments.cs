using System.CommandLine;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// Makes everything from the program on the program's: without it, options behind the program's name that the tool has too would be the tool's.
/// </summary>
internal static class LaunchArguments
{
    /// <summary>The arguments with <c>--</c> before the program, if they are those of <paramref name="launch"/> and have none there.</summary>
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

            // An option that takes a value takes the next argument, unless it has its value in itself as in --hosts=a,b.
            var option = launch.Options.FirstOrDefault(option => option.Name == argument || option.Aliases.Contains(argument));
            if (option is { Arity.MaximumNumberOfValues: > 0 } && option.ValueType != typeof(bool))
            {
                index++;
            }
        }

        return arguments;
    }
}
