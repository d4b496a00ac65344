using System.Globalization;

namespace NativeCollectives;

/// <summary>The environment variables with which launchers describe a group to its processes, read strictly.</summary>
/// <param name="lookUp">Returns a variable's value, or <see langword="null"/> if it is absent.</param>
internal sealed class LaunchEnvironment(Func<string, string?> lookUp)
{
    /// <summary>
    /// What tells a process that it is a rank of some group, whoever set it. A launcher takes them from its ranks,
    /// except those that it sets itself.
    /// </summary>
    internal static readonly string[] GroupVariables =
    [
        OwnVariables.Backend,
        OwnVariables.Bootstrap,
        .. KnownLauncher.All.SelectMany(static launcher => launcher.Variables),
        .. MlxVariables.OfGroup.Except([KnownLauncher.Mlx.Rank]),
        .. TorchrunLaunch.Variables,
        .. MistralLaunch.Variables,
        MistralRingFile.Variable,
        CommIdLaunch.Variable,
        SlurmVariables.StepSize,
    ];

    /// <summary>That of this process.</summary>
    internal static LaunchEnvironment OfProcess { get; } = new(Environment.GetEnvironmentVariable);

    /// <summary>
    /// Whether the ring is to report its progress on the standard error stream: the variable's presence counts, not its
    /// value.
    /// </summary>
    internal bool IsRingVerbose => IsPresent(MlxVariables.RingVerbose);

    internal bool IsPresent(string variable) => lookUp(variable) is not null;

    /// <summary>A variable's value as it is; <see langword="null"/> if it is absent.</summary>
    internal string? Text(string variable) => lookUp(variable);

    /// <summary>The variable that tells the own rank; <see langword="null"/>: none does.</summary>
    /// <param name="own">The backend's variables, of which the first that is present counts.</param>
    /// <param name="takesLaunchers">
    /// Whether another launcher's rank will do: it does if nothing but the rank is needed of it.
    /// </param>
    internal string? FindRank(string[] own, bool takesLaunchers) =>
        Array.Find(own, IsPresent) ?? (takesLaunchers ? ProcessLauncher.FindRank(this) : null);

    /// <summary>
    /// Whether a rank's variable is present, and nothing says that it is the only rank, as the variables of a launcher
    /// of one rank do.
    /// </summary>
    internal bool IsRankOfSeveral(string variable) => IsPresent(variable) && Text(KnownLauncher.Mlx.Size!) != "1";

    /// <summary>A rank; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not a rank.</exception>
    internal int? Rank(string variable, string backend) =>
        Number(variable, 0, int.MaxValue, "a rank: a decimal number from 0, of digits only", backend);

    /// <summary>A number of ranks; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not one.</exception>
    internal int? Size(string variable, string backend) =>
        Number(variable, 1, int.MaxValue, "a number of ranks: a decimal number from 1, of digits only", backend);

    /// <summary>A port; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not one.</exception>
    internal int? Port(string variable, string backend) =>
        Number(variable, 1, HostAndPort.MaxPort, "a port: a decimal number from 1 to 65535", backend);

    /// <summary>A time limit that is given in milliseconds; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not one.</exception>
    internal TimeSpan? Milliseconds(string variable, string backend) =>
        Number(
            variable,
            1,
            int.MaxValue,
            "a time limit in milliseconds: a decimal number from 1 to 2147483647",
            backend
        )
            is { } milliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;

    /// <summary>A number; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not one, or out of range.</exception>
    internal int? Number(string variable, int least, int greatest, string expected, string backend)
    {
        if (lookUp(variable) is not { } text)
        {
            return null;
        }

        return
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number >= least
            && number <= greatest
            ? number
            : throw Malformed(variable, text, expected, backend);
    }

    /// <summary>The name or address of a host; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not one.</exception>
    internal string? Host(string variable, string backend) =>
        lookUp(variable) is { } host && !HostAndPort.IsHost(host)
            ? throw Malformed(variable, host, "a host's name or address", backend)
            : lookUp(variable);

    /// <summary>The address of rank 0, as <c>host:port</c>; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not one.</exception>
    internal string? Address(string variable, string backend) =>
        lookUp(variable) is { } address && HostAndPort.Parse(address) is null
            ? throw Malformed(
                variable,
                address,
                "the address of rank 0: host:port, or [host]:port with an IPv6 address",
                backend
            )
            : lookUp(variable);

    /// <summary>The path of a JSON file; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is empty.</exception>
    internal string? JsonFile(string variable, string backend)
    {
        string? path = lookUp(variable);
        return string.IsNullOrWhiteSpace(path) && path is not null
            ? throw Malformed(variable, path, "the path of a JSON file", backend)
            : path;
    }

    /// <summary>What one of some names stands for; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is another name.</exception>
    internal T? Choice<T>(string variable, (string Name, T Value)[] choices, string backend)
        where T : struct
    {
        if (lookUp(variable) is not { } text)
        {
            return null;
        }

        int index = Array.FindIndex(choices, choice => choice.Name == text);
        string[] names = [.. choices.Select(static choice => choice.Name)];
        return index >= 0
            ? choices[index].Value
            : throw Malformed(variable, text, $"{string.Join(", ", names[..^1])} or {names[^1]}", backend);
    }

    /// <summary>What to throw if a variable's value is not what it should be.</summary>
    /// <remarks>The message shows the value only if it is short: see <see cref="OptionCheck.Quoted"/>.</remarks>
    internal static RendezvousException Malformed(string variable, string value, string expected, string backend) =>
        new($"The environment variable {variable} is {OptionCheck.Quoted(value)}, but should be {expected}.")
        {
            Backend = backend,
        };
}
