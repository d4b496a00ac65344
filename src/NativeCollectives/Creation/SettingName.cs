using System.Globalization;

namespace NativeCollectives;

/// <summary>
/// The name of something that says how a group is formed: a property of an options class, an element of it, or an
/// environment variable.
/// </summary>
/// <param name="Section">
/// The options class without <c>Options</c>, such as <c>Ring</c>; <see langword="null"/>: it is a variable.
/// </param>
/// <param name="Name">The name of the property or variable.</param>
internal sealed record SettingName(string? Section, string Name)
{
    private const string Group = "DistributedGroup";

    /// <summary>Which element of the property it is, from outside to inside; empty: it is the property.</summary>
    private IReadOnlyList<int> Places { get; init; } = [];

    internal bool IsVariable => Section is null;

    /// <summary>The key below a configuration section, such as <c>Ring:Rank</c>, of the whole property.</summary>
    internal string Property => Section == Group ? Name : $"{Section}:{Name}";

    /// <summary>The key below a configuration section, such as <c>Ring:Hosts:1</c>.</summary>
    internal string Key =>
        string.Concat([
            Property,
            .. Places.Select(static place => string.Create(CultureInfo.InvariantCulture, $":{place}")),
        ]);

    /// <summary>An environment variable.</summary>
    public static implicit operator SettingName(string variable) => new(null, variable);

    internal static SettingName OfGroup(string property) => new(Group, property);

    internal static SettingName OfRing(string property) => new("Ring", property);

    internal static SettingName OfNccl(string property) => new("Nccl", property);

    internal static SettingName OfJaccl(string property) => new("Jaccl", property);

    /// <summary>An element of it.</summary>
    internal SettingName At(int place) => this with { Places = [.. Places, place] };

    public bool Equals(SettingName? other) =>
        other is not null && (Section, Name) == (other.Section, other.Name) && Places.SequenceEqual(other.Places);

    public override int GetHashCode() => HashCode.Combine(Section, Name, Places.Count);

    /// <summary>Such as <c>RingOptions.Hosts[1]</c>, or a variable's name.</summary>
    public override string ToString() =>
        IsVariable
            ? Name
            : string.Concat([
                $"{Section}Options.{Name}",
                .. Places.Select(static place => string.Create(CultureInfo.InvariantCulture, $"[{place}]")),
            ]);
}
