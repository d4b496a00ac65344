using System.CommandLine;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Launch;

namespace NativeCollectives.Tests.Tool;

/// <summary>Which arguments are the tool's and which the program's; durations.</summary>
[Category("Unit")]
public sealed class LaunchArgumentTests
{
    [TestCase("launch -n 2 prog -p 3 --env x", "launch -n 2 -- prog -p 3 --env x")]
    [TestCase("launch prog -- -n 3", "launch -- prog -- -n 3")]
    [TestCase("launch -n 2 -- prog -p 3", "launch -n 2 -- prog -p 3")]
    [TestCase("launch --verbose prog --verbose", "launch --verbose -- prog --verbose")]
    [TestCase("launch --hosts=a,b --env A=1 --backend ring p", "launch --hosts=a,b --env A=1 --backend ring -- p")]
    [TestCase(
        "launch --color always --prefix --restart 3 p --help",
        "launch --color always --prefix --restart 3 -- p --help"
    )]
    [TestCase("launch -n 2", "launch -n 2")]
    [TestCase("bench -n 2 x", "bench -n 2 x")]
    public void EverythingFromTheProgramOnIsThePrograms(string given, string expected) =>
        Assert.That(
            string.Join(' ', LaunchArguments.Separate(given.Split(' '), LaunchCommand.Create())),
            Is.EqualTo(expected)
        );

    [Test]
    public void TheProgramGetsWhatLooksLikeOptionsOfTheTool()
    {
        Command launch = LaunchCommand.Create();
        var parsed = new RootCommand { launch }.Parse(
            LaunchArguments.Separate(["launch", "-n", "3", "prog", "-n", "5", "--", "@file", "--nonsense"], launch)
        );
        Assert.That(parsed.Errors, Is.Empty);
        Assert.That(parsed.GetValue<int>("--repeat-hosts"), Is.EqualTo(3));
        Assert.That(
            parsed.GetValue<string[]>("command"),
            Is.EqualTo(new[] { "prog", "-n", "5", "--", "@file", "--nonsense" })
        );
    }

    [TestCase("30", 30)]
    [TestCase("0.5", 0.5)]
    [TestCase("250ms", 0.25)]
    [TestCase("2m", 120)]
    [TestCase("1.5h", 5400)]
    [TestCase("0s", 0)]
    public void DurationsAreRead(string text, double seconds) =>
        Assert.That(Duration.Parse(text), Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    [TestCase("")]
    [TestCase("s")]
    [TestCase("-1")]
    [TestCase("1d")]
    [TestCase("1e9")]
    [TestCase("10000h")]
    public void OthersAreNot(string text) => Assert.That(Duration.Parse(text), Is.Null);

    [TestCase("dotnet run", "dotnet build {0}", "dotnet run --no-build")]
    [TestCase("dotnet run -- -c x", "dotnet build {0}", "dotnet run --no-build -- -c x")]
    [TestCase(
        "dotnet run -c Release --project a/b.csproj x y",
        "dotnet build a/b.csproj -c Release {0}",
        "dotnet run --no-build -c Release --project a/b.csproj x y"
    )]
    [TestCase(
        "dotnet run -p:A=b -lp q --no-restore z -f net9.0",
        "dotnet build -p:A=b --no-restore {0}",
        "dotnet run --no-build -p:A=b -lp q --no-restore z -f net9.0"
    )]
    [TestCase(
        "/usr/bin/dotnet run app.cs x",
        "/usr/bin/dotnet build app.cs {0}",
        "/usr/bin/dotnet run --no-build app.cs x"
    )]
    [TestCase("dotnet run --no-build", null, null)]
    [TestCase("dotnet test", null, null)]
    [TestCase("run dotnet", null, null)]
    public void DotnetRunBuildsOnce(string command, string? build, string? run)
    {
        var parsed = DotnetRun.Parse(command.Split(' '));
        Assert.That(parsed is null ? null : string.Join(' ', parsed.Run), Is.EqualTo(run));
        build = build?.Replace(
            "{0}",
            "--disable-build-servers --nologo --verbosity quiet -consoleLoggerParameters:NoSummary",
            StringComparison.Ordinal
        );
        Assert.That(parsed is null ? null : string.Join(' ', parsed.Build), Is.EqualTo(build));
    }
}
