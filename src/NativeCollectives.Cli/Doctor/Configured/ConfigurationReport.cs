using NativeCollectives.Hosting;

namespace NativeCollectives.Cli.Doctor.Configured;

/// <summary>The group that a program started here and now would form.</summary>
internal sealed record ConfigurationReport
{
    /// <summary>The JSON file that was read; <see langword="null"/>: there is none.</summary>
    public string? File { get; init; }

    /// <summary>
    /// The backend that would be used; <c>none</c>: a group of one; <see langword="null"/>: an error comes before that
    /// is decided.
    /// </summary>
    public string? Backend { get; init; }

    /// <summary>The own rank; <see langword="null"/>: there is no group.</summary>
    public int? Rank { get; init; }

    /// <summary>How many ranks there would be, as far as that can be told.</summary>
    public int? Size { get; init; }

    /// <summary>The settings in effect, and where they came from.</summary>
    public IReadOnlyList<SettingOrigin> Settings { get; init; } = [];

    /// <summary>What is missing for each backend that is not configured.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>What the group would be formed in spite of.</summary>
    public string? Warning { get; init; }

    /// <summary>Why this backend, where several could be meant.</summary>
    public string? Note { get; init; }

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];
}
