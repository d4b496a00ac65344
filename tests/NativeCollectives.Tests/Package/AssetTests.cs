using System.Text;
using System.Text.RegularExpressions;

namespace NativeCollectives.Tests.Package;

/// <summary>The native libraries in the package need nothing but the system, and show nothing but the ABI.</summary>
[Category("Package")]
public sealed class AssetTests
{
    private static readonly Version _glibc = new(2, 28);
    private static readonly Version _macOs = new(12, 0);

    // Made by zig's linker in every library: where the file itself lies in memory.
    private static readonly string[] _ofTheLinker = ["__dso_handle", "_mh_dylib_header"];
    private static Dictionary<string, byte[]> _contents = [];

    [OneTimeSetUp]
    public void Open()
    {
        Packages.Need();
        _contents = Packages.Contents(Packages.File("NativeCollectives"));
    }

    private static IEnumerable<string> Assets =>
        Packages.Platforms.SelectMany(platform =>
            Packages.Libraries(platform).Select(library => $"runtimes/{platform}/native/{library}")
        );

    [TestCaseSource(nameof(Assets))]
    public void NeedsOnlyTheSystemAndShowsOnlyTheAbi(string path)
    {
        Assert.That(_contents.Keys, Has.Some.EqualTo(path));
        var platform = path.Split('/')[1];
        var library = SharedLibrary.Read(_contents[path]);

        Assert.That(Faults(library, platform, path.Split('/')[^1]), Is.Empty);
        Assert.That(
            Encoding.Latin1.GetString(_contents[path]),
            Does.Not.Contain(Packages.RepositoryRoot),
            "no trace of the folder that it was built in"
        );
    }

    /// <summary>The checks notice what they are for.</summary>
    [Test]
    public void WhatIsWrongIsNamed()
    {
        var library = SharedLibrary.Read(_contents["runtimes/linux-x64/native/libnative_collectives_ring.so"]);

        Assert.That(
            Faults(library with { SystemVersion = new Version(2, 34) }, "linux-x64", library.Name),
            Has.Some.Contains("2.34")
        );
        Assert.That(
            Faults(library with { Exports = [.. library.Exports, "extra"] }, "linux-x64", library.Name),
            Has.Some.Contains("extra")
        );
        Assert.That(
            Faults(library with { Needed = [.. library.Needed, "libstdc++.so.6"] }, "linux-x64", library.Name),
            Has.Some.Contains("libstdc++.so.6")
        );
        Assert.That(
            Faults(library with { RunPaths = ["/build"] }, "linux-x64", library.Name),
            Has.Some.Contains("/build")
        );
        Assert.That(Faults(library with { ExecutableStack = true }, "linux-x64", library.Name), Is.Not.Empty);
        Assert.That(Faults(library, "linux-arm64", library.Name), Has.Some.Contains("x86-64"));
        Assert.That(Faults(library, "osx-x64", library.Name), Is.Not.Empty);
    }

    /// <summary>
    /// The readers agree with the compiler's own choices on the developer's build, which is against this machine's
    /// glibc and another compiler's.
    /// </summary>
    [Test]
    public void TheDevelopersBuildIsReadToo()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "libnative_collectives.so");
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("the developer's build is in ELF on Linux only");
        }

        var library = SharedLibrary.Read(File.ReadAllBytes(path));

        Assert.That(library.Exports, Is.EquivalentTo(Abi()));
        Assert.That(library.Needed, Does.Contain("libc.so.6"));
    }

    private static List<string> Faults(SharedLibrary library, string platform, string file)
    {
        var isLinux = platform.StartsWith("linux", StringComparison.Ordinal);
        string[] system = isLinux
            ?
            [
                "libc.so.6",
                "libpthread.so.0",
                "libdl.so.2",
                "libm.so.6",
                "librt.so.1",
                platform == "linux-x64" ? "ld-linux-x86-64.so.2" : "ld-linux-aarch64.so.1",
            ]
            : ["/usr/lib/libSystem.B.dylib"];
        var kind = platform switch
        {
            "linux-x64" => "ELF x86-64",
            "linux-arm64" => "ELF AArch64",
            "osx-arm64" => "Mach-O arm64",
            _ => "Mach-O x86_64",
        };
        var name = isLinux ? file : "@rpath/" + file;
        var exports = file.StartsWith("libnative_collectives.", StringComparison.Ordinal)
            ? Abi()
            : ["nc_backend_entry"];

        List<string> faults = [];
        Check(library.Kind == kind, $"is {library.Kind} and not {kind}");
        Check(library.Name == name, $"calls itself '{library.Name}' and not '{name}'");
        Check(
            library.SystemVersion <= (isLinux ? _glibc : _macOs),
            $"needs version {library.SystemVersion} of the system"
        );
        Check(!library.ExecutableStack, "asks for an executable stack");
        faults.AddRange(library.Needed.Except(system).Select(needed => $"needs {needed}"));
        faults.AddRange(library.RunPaths.Select(path => $"looks for libraries in {path}"));
        faults.AddRange(
            library.Exports.Except(exports).Except(isLinux ? [] : _ofTheLinker).Select(symbol => $"shows {symbol}")
        );
        faults.AddRange(exports.Except(library.Exports).Select(symbol => $"lacks {symbol}"));
        return faults;

        void Check(bool holds, string otherwise)
        {
            if (!holds)
            {
                faults.Add(otherwise);
            }
        }
    }

    private static List<string> Abi()
    {
        var header = File.ReadAllText(
            Path.Combine(Packages.RepositoryRoot, "native", "include", "native_collectives.h")
        );
        return
        [
            .. Regex
                .Matches(header, @"^NC_API .*?\b(nc_\w+)\(", RegexOptions.Multiline)
                .Select(match => match.Groups[1].Value),
        ];
    }
}
