using System.Globalization;

namespace NativeCollectives;

/// <summary>The environment variables with which MLX's launcher describes a group to its processes, read strictly.</summary>
/// <param name="lookUp">Returns a variable's value, or <see langword="null"/> if it is absent.</param>
internal sealed class MlxEnvironment(Func<string, string?> lookUp)
{
    internal const string RankVariable = "MLX_RANK";
    internal const string HostFileVariable = "MLX_HOSTFILE";
    internal const string RingVerboseVariable = "MLX_RING_VERBOSE";

    /// <summary>That of this process.</summary>
    internal static MlxEnvironment OfProcess { get; } = new(Environment.GetEnvironmentVariable);

    /// <summary>Whether the ring is to report its progress on the standard error stream: the variable's presence counts, not its value.</summary>
    internal bool IsRingVerbose => IsPresent(RingVerboseVariable);

    internal bool IsPresent(string variable) => lookUp(variable) is not null;

    /// <summary>The own rank; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is not a rank.</exception>
    internal int? Rank(string backend)
    {
        string? text = lookUp(RankVariable);
        if (text is null)
        {
            return null;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int rank))
        {
            return rank;
        }

        throw Malformed(RankVariable, text, "a rank: a decimal number from 0, of digits only", backend);
    }

    /// <summary>The path of the file that lists the ranks' addresses; <see langword="null"/> if the variable is absent.</summary>
    /// <exception cref="RendezvousException">It is empty.</exception>
    internal string? HostFile(string backend)
    {
        string? path = lookUp(HostFileVariable);
        return string.IsNullOrWhiteSpace(path) && path is not null ? throw Malformed(HostFileVariable, path, "the path of a JSON file", backend) : path;
    }

    private static RendezvousException Malformed(string variable, string value, string expected, string backend) =>
        new($"The environment variable {variable} is \"{value}\", but should be {expected}.") { Backend = backend };
}
