namespace NativeCollectives.Tests.Package;

/// <summary>
/// What somebody does who has nothing but the packages: a project of its own in an empty folder, the installed tool, a
/// published program.
/// </summary>
[Category("Package")]
public sealed class StrangerTests
{
    private const string Program = """
        using NativeCollectives;

        using var group = DistributedGroup.Create();
        float[] values = [1, 2, group.Rank];
        group.AllSum(values);
        Console.WriteLine($"rank {group.Rank} of {group.Size} has {string.Join(' ', values)}");
        """;

    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
            <InvariantGlobalization>true</InvariantGlobalization>
          </PropertyGroup>
        </Project>
        """;

    // What publishing for one platform takes besides what every build takes.
    private static readonly string[] _publishing =
    [
        "microsoft.netcore.app.runtime.linux-x64",
        "microsoft.net.illink.tasks",
    ];

    private string _folder = "";
    private Dictionary<string, string?> _environment = [];

    [SetUp]
    public void MakeFolder()
    {
        Packages.Need();
        if (
            !OperatingSystem.IsLinux()
            || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
                != System.Runtime.InteropServices.Architecture.X64
        )
        {
            Assert.Ignore("publishes for linux-x64 and runs that");
        }
        _folder = Directory.CreateTempSubdirectory("nc-stranger-").FullName;
        _environment = new Dictionary<string, string?>
        {
            // Neither this machine's packages, among which an older one of ours may be, nor what the tests' own run has
            // set.
            ["NUGET_PACKAGES"] = Path.Combine(_folder, "packages"),
            ["DOTNET_CLI_HOME"] = Path.Combine(_folder, "home"),
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_GENERATE_ASPNET_CERTIFICATE"] = "false",
            ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
            ["MSBUILDDISABLENODEREUSE"] = "1",
            ["UseSharedCompilation"] = "false",
        };
        foreach (
            var name in Environment
                .GetEnvironmentVariables()
                .Keys.Cast<string>()
                .Where(name =>
                    name.StartsWith("MLX_", StringComparison.Ordinal)
                    || name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
                )
        )
        {
            _environment.TryAdd(name, null);
        }
        File.WriteAllText(Path.Combine(_folder, "nuget.config"), NuGetConfiguration());
    }

    [TearDown]
    public void RemoveFolder()
    {
        if (_folder.Length > 0)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Test]
    [CancelAfter(240_000)]
    public async Task AddsThePackageInstallsTheToolAndPublishes(CancellationToken cancellationToken)
    {
        var project = Directory.CreateDirectory(Path.Combine(_folder, "first")).FullName;
        await File.WriteAllTextAsync(Path.Combine(project, "first.csproj"), Project, cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(project, "Program.cs"), Program, cancellationToken);
        await Dotnet(project, "add package NativeCollectives");
        await Dotnet(_folder, $"tool install NativeCollectives.Cli --tool-path tools --version {Packages.Version}");
        await Dotnet(project, "build --configuration Release --no-restore --output built");

        await Launch("dotnet", Path.Combine(project, "built", "first.dll"));

        var published = await Dotnet(
            project,
            "publish --runtime linux-x64 --output published -p:PublishSingleFile=true -p:SelfContained=true "
                + "-p:PublishTrimmed=true"
        );
        Assert.That(published, Does.Not.Contain("warning"));
        Assert.That(
            Directory
                .GetFiles(Path.Combine(project, "published"))
                .Select(Path.GetFileName)
                .Where(file => file!.EndsWith(".dll", StringComparison.Ordinal)),
            Is.Empty,
            "a single file"
        );
        await Launch(Path.Combine(project, "published", "first"));

        async Task<string> Dotnet(string folder, string arguments)
        {
            var run = await ProgramRun.RunAsync(
                "dotnet",
                arguments.Split(' '),
                folder,
                _environment,
                cancellationToken
            );
            Assert.That(run.ExitCode, Is.Zero, $"dotnet {arguments}:\n{run.Output}");
            return run.Output;
        }

        async Task Launch(params string[] command)
        {
            var run = await ProgramRun.RunAsync(
                Path.Combine(_folder, "tools", "collectives"),
                ["launch", "-n", "2", "--", .. command],
                _folder,
                _environment,
                cancellationToken
            );
            Assert.That(run.ExitCode, Is.Zero, run.Output);
            Assert.That(run.Output, Does.Contain("rank 0 of 2 has 2 4 1").And.Contain("rank 1 of 2 has 2 4 1"));
        }
    }

    /// <summary>The analyzers come with the package, and with that of the host, which depends on it.</summary>
    [TestCase("NativeCollectives")]
    [TestCase("NativeCollectives.Hosting")]
    [CancelAfter(240_000)]
    public async Task DoesNotBuildWithElementsThatNoGroupCanMove(string package, CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "wrong.csproj"), Project, cancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(_folder, "Program.cs"),
            """
            using NativeCollectives;

            using var group = DistributedGroup.Create();
            decimal[] prices = [1.5m];
            group.AllReduce<decimal>(prices, ReduceOp.Sum);
            """,
            cancellationToken
        );

        var added = await Run($"add package {package}");
        var built = await Run("build --no-restore");

        Assert.That(added.ExitCode, Is.Zero, added.Output);
        Assert.That(built.ExitCode, Is.Not.Zero, built.Output);
        Assert.That(built.Output, Does.Contain("Program.cs(5,7): error NC0001: AllReduce cannot move elements"));
        Assert.That(built.Output, Does.Not.Contain("error CS"));

        Task<ProgramRun> Run(string arguments) =>
            ProgramRun.RunAsync("dotnet", arguments.Split(' '), _folder, _environment, cancellationToken);
    }

    // Our packages from the feed; the others from those that this machine has already, and only if it lacks some from
    // where it usually gets them.
    private static string NuGetConfiguration()
    {
        var cache =
            Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var isOffline = _publishing.All(package => Directory.Exists(Path.Combine(cache, package)));
        TestContext.Out.WriteLine(
            isOffline ? "without a network" : "the packs for publishing come from this machine's package sources"
        );
        return $"""
            <configuration>
              <packageSources>
                {(isOffline ? "<clear />" : "")}
                <add key="packed" value="{Packages.Feed}" />
                <add key="restored" value="{cache}" />
              </packageSources>
              <packageSourceMapping>
                <packageSource key="packed">
                  <package pattern="NativeCollectives" /><package pattern="NativeCollectives.*" />
                </packageSource>
                <packageSource key="restored"><package pattern="*" /></packageSource>
                {(isOffline ? "" : "<packageSource key=\"nuget.org\"><package pattern=\"*\" /></packageSource>")}
              </packageSourceMapping>
            </configuration>
            """;
    }
}
