using System.IO.Compression;
using System.Reflection;
using System.Xml.Linq;

namespace NativeCollectives.Tests.Package;

/// <summary>The packages that ./build.sh pack has made.</summary>
internal static class Packages
{
    public static readonly string[] Platforms = ["linux-x64", "linux-arm64", "osx-arm64", "osx-x64"];

    public static string RepositoryRoot { get; } =
        typeof(Packages)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "RepositoryRoot")
            .Value!;

    public static string Feed => Path.Combine(RepositoryRoot, "artifacts", "packages");

    /// <summary>The version of all of them.</summary>
    public static string Version { get; } =
        typeof(DistributedGroup)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];

    public static string File(string id, string extension = "nupkg") =>
        Path.Combine(Feed, $"{id}.{Version}.{extension}");

    /// <summary>
    /// Where there are no packages, the test is left out; in ./build.sh test, which makes them, it fails.
    /// </summary>
    public static void Need()
    {
        if (System.IO.File.Exists(File("NativeCollectives")) && System.IO.File.Exists(File("NativeCollectives.Cli")))
        {
            return;
        }
        var reason = $"{Feed} does not hold the packages; make them by ./build.sh pack";
        if (Environment.GetEnvironmentVariable("NC_TEST_PACKAGES") == "required")
        {
            Assert.Fail(reason);
        }
        Assert.Ignore(reason);
    }

    /// <summary>Every file in a package, by its path.</summary>
    public static Dictionary<string, byte[]> Contents(string path)
    {
        using var archive = ZipFile.OpenRead(path);
        var contents = new Dictionary<string, byte[]>();
        foreach (var entry in archive.Entries)
        {
            using var stream = entry.Open();
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            contents.Add(entry.FullName, copy.ToArray());
        }
        return contents;
    }

    /// <summary>The package's description of itself.</summary>
    public static XElement Metadata(Dictionary<string, byte[]> contents) =>
        XDocument
            .Load(
                new MemoryStream(contents.Single(file => file.Key.EndsWith(".nuspec", StringComparison.Ordinal)).Value)
            )
            .Root!.Elements()
            .Single(element => element.Name.LocalName == "metadata");

    public static string[] Libraries(string platform) =>
        platform.StartsWith("linux", StringComparison.Ordinal)
            ?
            [
                "libnative_collectives.so",
                "libnative_collectives_jaccl.so",
                "libnative_collectives_nccl.so",
                "libnative_collectives_ring.so",
            ]
            : ["libnative_collectives.dylib", "libnative_collectives_jaccl.dylib", "libnative_collectives_ring.dylib"];
}
