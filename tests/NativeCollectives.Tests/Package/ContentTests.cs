using System.Text;

namespace NativeCollectives.Tests.Package;

/// <summary>What lies in the packages, and what they say of themselves.</summary>
[Category("Package")]
public sealed class ContentTests
{
    private static readonly string[] _ids = ["NativeCollectives", "NativeCollectives.Hosting", "NativeCollectives.Cli"];

    [OneTimeSetUp]
    public void Need() => Packages.Need();

    [Test]
    public void TheFeedHoldsThesePackagesAndTheirSymbols()
    {
        var expected = _ids.SelectMany(id => new[] { Packages.File(id), Packages.File(id, "snupkg") });

        Assert.That(Directory.GetFiles(Packages.Feed), Is.EquivalentTo(expected));
    }

    [Test]
    public void TheLibraryHoldsTheNativeLibrariesOfEveryPlatformAndNoOther()
    {
        var expected = Packages.Platforms.SelectMany(platform =>
            Packages.Libraries(platform).Select(library => $"runtimes/{platform}/native/{library}")
        );

        var files = Packages.Contents(Packages.File("NativeCollectives")).Keys;

        Assert.That(
            files.Where(file => file.Contains("libnative_collectives", StringComparison.Ordinal)),
            Is.EquivalentTo(expected)
        );
    }

    /// <summary>Where the compiler looks for analyzers; their help links name a page, which is there too.</summary>
    [Test]
    public void TheLibraryHoldsItsAnalyzersAndTheirPage()
    {
        var contents = Packages.Contents(Packages.File("NativeCollectives"));

        Assert.That(
            contents.Keys.Where(file => file.StartsWith("analyzers/", StringComparison.Ordinal)),
            Is.EqualTo(["analyzers/dotnet/cs/NativeCollectives.Analyzers.dll"])
        );
        Assert.That(Encoding.UTF8.GetString(contents["docs/analyzers.md"]), Does.Contain("## NC0001"));
    }

    /// <summary>
    /// One package for every platform: the tool has what the library's package has, where the runtime finds it.
    /// </summary>
    [Test]
    public void TheToolHoldsTheLibrarysNativeLibraries()
    {
        var library = Packages.Contents(Packages.File("NativeCollectives"));
        var tool = Packages.Contents(Packages.File("NativeCollectives.Cli"));
        const string folder = "tools/net10.0/any/";

        var natives = tool
            .Keys.Where(file => file.Contains("libnative_collectives", StringComparison.Ordinal))
            .ToList();
        Assert.That(
            natives,
            Is.EquivalentTo(
                library
                    .Keys.Where(file => file.StartsWith("runtimes/", StringComparison.Ordinal))
                    .Select(file => folder + file)
            )
        );
        Assert.That(
            natives.Where(file => !tool[file].AsSpan().SequenceEqual(library[file[folder.Length..]])),
            Is.Empty,
            "differ from the library's"
        );
        var dependencies = Encoding.UTF8.GetString(tool[folder + "collectives.deps.json"]);
        Assert.That(
            natives.Where(file => !dependencies.Contains(file[folder.Length..], StringComparison.Ordinal)),
            Is.Empty,
            "are not known to the runtime"
        );
        Assert.That(
            Encoding.UTF8.GetString(tool[folder + "DotnetToolSettings.xml"]),
            Does.Contain("Name=\"collectives\"").And.Contain("EntryPoint=\"collectives.dll\"")
        );
    }

    [TestCaseSource(nameof(_ids))]
    public void SaysWhatItIs(string id)
    {
        var contents = Packages.Contents(Packages.File(id));
        var metadata = Packages.Metadata(contents);
        string Value(string name) =>
            metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value ?? "";

        Assert.That(Value("id"), Is.EqualTo(id));
        Assert.That(Value("version"), Is.EqualTo(Packages.Version));
        Assert.That(Value("license"), Is.EqualTo("MIT"));
        Assert.That(Value("authors"), Is.Not.Empty);
        Assert.That(Value("description"), Has.Length.GreaterThan(50));
        Assert.That(Value("tags"), Is.Not.Empty);
        Assert.That(Value("readme"), Is.EqualTo("README.md"));
        Assert.That(contents["README.md"], Is.Not.Empty);
        var commit = metadata
            .Elements()
            .SingleOrDefault(element => element.Name.LocalName == "repository")
            ?.Attribute("commit")
            ?.Value;
        // A copy of the sources without its history has none.
        if (Path.Exists(Path.Combine(Packages.RepositoryRoot, ".git")))
        {
            Assert.That(commit ?? "", Does.Match("^[0-9a-f]{40}$"));
        }
    }

    [TestCase("NativeCollectives")]
    [TestCase("NativeCollectives.Hosting")]
    public void ALibraryHasItsDocumentation(string id) =>
        Assert.That(
            Encoding.UTF8.GetString(Packages.Contents(Packages.File(id))[$"lib/net10.0/{id}.xml"]),
            Does.Contain("<summary>")
        );

    [Test]
    public void HostingDependsOnTheLibraryOfTheSameVersion()
    {
        var dependency = Packages
            .Metadata(Packages.Contents(Packages.File("NativeCollectives.Hosting")))
            .Descendants()
            .Single(element =>
                element.Name.LocalName == "dependency" && (string)element.Attribute("id")! == "NativeCollectives"
            );

        Assert.That((string)dependency.Attribute("version")!, Is.EqualTo(Packages.Version));
        Assert.That((string?)dependency.Attribute("exclude") ?? "", Does.Not.Contain("Analyzers"), "hands them on");
    }

    [Test]
    public void TheLibraryDependsOnTensorsAlone()
    {
        var dependencies = Packages
            .Metadata(Packages.Contents(Packages.File("NativeCollectives")))
            .Descendants()
            .Where(element => element.Name.LocalName == "dependency")
            .Select(element => (string)element.Attribute("id")!);

        Assert.That(dependencies, Is.EqualTo(["System.Numerics.Tensors"]));
    }

    [TestCase("NativeCollectives", "NativeCollectives.pdb")]
    [TestCase("NativeCollectives.Hosting", "NativeCollectives.Hosting.pdb")]
    [TestCase("NativeCollectives.Cli", "collectives.pdb")]
    public void SymbolsAreApart(string id, string symbols)
    {
        Assert.That(Packages.Contents(Packages.File(id, "snupkg")).Keys, Has.Some.EndsWith("/" + symbols));
        // The SDK leaves a tool's own in its package.
        if (id != "NativeCollectives.Cli")
        {
            Assert.That(Packages.Contents(Packages.File(id)).Keys, Has.None.EndsWith(".pdb"));
        }
    }

    [TestCase("NativeCollectives", "lib/net10.0/NativeCollectives.dll")]
    [TestCase("NativeCollectives", "analyzers/dotnet/cs/NativeCollectives.Analyzers.dll")]
    [TestCase("NativeCollectives.Hosting", "lib/net10.0/NativeCollectives.Hosting.dll")]
    [TestCase("NativeCollectives.Cli", "tools/net10.0/any/collectives.dll")]
    public void NothingTellsOfTheFolderItWasBuiltIn(string id, string assembly) =>
        Assert.That(
            Encoding.Latin1.GetString(Packages.Contents(Packages.File(id))[assembly]),
            Does.Not.Contain(Packages.RepositoryRoot)
        );
}
