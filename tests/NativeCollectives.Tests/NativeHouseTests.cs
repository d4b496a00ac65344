using System.Text.RegularExpressions;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests;

/// <summary>The rooms of the native code, and which of them may know which: docs/architecture.md.</summary>
[Category("Unit")]
public sealed partial class NativeHouseTests
{
    private static readonly string[] _below = ["base", "os", "operation", "transport"];

    /// <summary>Each room, with those whose headers it may include besides its own.</summary>
    private static readonly Dictionary<string, string[]> _rooms = new()
    {
        ["base"] = [],
        ["os"] = ["base"],
        ["operation"] = ["base", "os"],
        ["transport"] = ["base", "os"],
        ["core"] = ["base", "os", "operation"],
        ["ring"] = _below,
        ["jaccl"] = _below,
        ["nccl"] = _below,
    };

    private static readonly string[] _standard = ["stddef.h", "stdint.h"];

    private static string Native => Path.Combine(NcclLibraries.RepositoryRoot, "native");

    [Test]
    public void EveryRoomIsKnown() =>
        Assert.That(
            Directory.GetDirectories(Native).Select(static path => Path.GetFileName(path)),
            Is.EquivalentTo(_rooms.Keys.Concat(["include", "tests"]))
        );

    /// <summary>Whatever differs between systems is behind a header in os/.</summary>
    [Test]
    public void OnlyTheRoomForItIncludesHeadersOfTheSystem()
    {
        var found = Includes()
            .Where(static include => include.Room != "os" && include.Header.StartsWith('<'))
            .Where(static include => IsOfSystem(include.Header.Trim('<', '>')));
        Assert.That(found, Is.Empty);
    }

    [Test]
    public void ArrowsPointDown()
    {
        var found = Includes()
            .Where(static include => include.Header.Contains('/', StringComparison.Ordinal))
            .Where(static include => include.Header.StartsWith('"'))
            .Where(static include =>
                include.Header.Trim('"').Split('/')[0] is var room
                && room != include.Room
                && !_rooms[include.Room].Contains(room)
            );
        Assert.That(found, Is.Empty);
    }

    /// <summary>The tests themselves: they see what they look for.</summary>
    [Test]
    public void IncludesAreFound()
    {
        var includes = Includes().ToList();
        Assert.That(includes, Has.Count.GreaterThan(500));
        Assert.That(includes, Has.Some.Matches<Include>(include => include!.Room == "os"));
        Assert.That(IsOfSystem("poll.h"));
        Assert.That(IsOfSystem("sys/socket.h"));
        Assert.That(IsOfSystem("vector"), Is.False);
        Assert.That(IsOfSystem("nlohmann/json.hpp"), Is.False);
    }

    private static bool IsOfSystem(string header) =>
        header.Contains('.', StringComparison.Ordinal)
        && !_standard.Contains(header)
        && !header.StartsWith("nlohmann/", StringComparison.Ordinal);

    private static IEnumerable<Include> Includes() =>
        from room in _rooms.Keys
        from file in Directory.EnumerateFiles(Path.Combine(Native, room), "*", SearchOption.AllDirectories)
        from Match match in Line().Matches(File.ReadAllText(file))
        select new Include(room, Path.GetRelativePath(Native, file), match.Groups["header"].Value);

    [GeneratedRegex("""^\s*#\s*include\s+(?<header>[<"][^>"]+[>"])""", RegexOptions.Multiline)]
    private static partial Regex Line();

    private sealed record Include(string Room, string File, string Header);
}
