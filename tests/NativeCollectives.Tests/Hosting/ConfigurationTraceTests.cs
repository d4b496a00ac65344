using Microsoft.Extensions.Configuration;
using NativeCollectives.Hosting;
using static NativeCollectives.Tests.Hosting.Configurations;

namespace NativeCollectives.Tests.Hosting;

/// <summary>Where settings came from.</summary>
[Category("Unit")]
[CancelAfter(20_000)]
public sealed class ConfigurationTraceTests
{
    [Test]
    public void EverySourceIsNamed()
    {
        var folder = Directory.CreateTempSubdirectory("nc-trace-").FullName;
        var variable = $"NCTRACE{Environment.ProcessId}_";
        Environment.SetEnvironmentVariable($"{variable}NativeCollectives__Nccl__Size", "2");
        try
        {
            File.WriteAllText(
                Path.Combine(folder, "appsettings.json"),
                """{ "NativeCollectives": { "Backend": "ring", "Ring": { "Hosts": [["a:1"], ["b:1"]] } } }"""
            );
            var inner = new ConfigurationBuilder()
                .AddInMemoryCollection([KeyValuePair.Create<string, string?>("nativecollectives:strict", "true")])
                .Build();
            var configuration = new ConfigurationManager();
            configuration
                .SetBasePath(folder)
                .AddJsonFile("appsettings.json")
                .AddEnvironmentVariables(variable)
                .AddCommandLine(["--NativeCollectives:OperationTimeout=00:00:09"]);
            configuration
                .AddConfiguration(inner)
                .AddLauncherEnvironment(LookUp(("MLX_RANK", "1"), ("MLX_HOSTFILE", "/overruled")));
            Assert.That(
                ConfigurationTrace.Of(configuration),
                Is.EquivalentTo(
                    new SettingOrigin[]
                    {
                        new("NativeCollectives:Backend", "ring", "appsettings.json"),
                        new("NativeCollectives:FormingTimeout", "00:01:00", "default"),
                        new("NativeCollectives:Jaccl:Rank", "1", "environment variable MLX_RANK (MLX)"),
                        new(
                            "NativeCollectives:Nccl:Size",
                            "2",
                            $"environment variable {variable}NativeCollectives__Nccl__Size"
                        ),
                        new("NativeCollectives:OperationTimeout", "00:00:09", "command line"),
                        new("NativeCollectives:Ring:Hosts:0:0", "a:1", "appsettings.json"),
                        new("NativeCollectives:Ring:Hosts:1:0", "b:1", "appsettings.json"),
                        new("NativeCollectives:Ring:Rank", "1", "environment variable MLX_RANK (MLX)"),
                        new("NativeCollectives:strict", "true", "memory"),
                    }
                )
            );
        }
        finally
        {
            Environment.SetEnvironmentVariable($"{variable}NativeCollectives__Nccl__Size", null);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void OfASectionTheSourcesAreNotTold()
    {
        var section = Of(("Backend", "ring")).GetSection("NativeCollectives");
        Assert.That(
            ConfigurationTrace.Of(section),
            Has.Member(new SettingOrigin("NativeCollectives:Backend", "ring", "configuration"))
        );
    }
}
