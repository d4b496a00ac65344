using NativeCollectives.Cli;
using NativeCollectives.Cli.Doctor.Configured;

namespace NativeCollectives.Tests.Tool;

/// <summary>What doctor says of the configuration that a program would use.</summary>
[TestFixture]
[Category("Unit")]
[Category("Tool")]
internal sealed class DoctorConfigurationTests
{
    private readonly List<string> _set = [];
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("nc-doctor-").FullName;

    [TearDown]
    public void TidyUp()
    {
        _set.ForEach(static name => Environment.SetEnvironmentVariable(name, null));
        _set.Clear();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Without_anything_it_is_a_group_of_one_and_says_what_is_missing()
    {
        ConfigurationReport report = new ConfigurationInspector().Inspect(File("{}"));
        Assert.That(report.Findings, Is.Empty);
        Assert.That((report.Backend, report.Rank, report.Size), Is.EqualTo(("none", 0, 1)));
        Assert.That(report.Missing, Has.Some.EqualTo("ring: MLX_RANK, MLX_HOSTFILE are missing"));
        Assert.That(
            report.Settings,
            Has.Member(new NativeCollectives.Hosting.SettingOrigin("NativeCollectives:Backend", "any", "default"))
        );
    }

    [Test]
    public void Each_value_is_traced_to_its_place()
    {
        string hosts = File("""[["127.0.0.1:5000"],["127.0.0.1:5001"]]""", "ring.json");
        Set("MLX_RANK", "1");
        Set("NativeCollectives__Ring__HostFile", hosts);
        ConfigurationReport report = new ConfigurationInspector().Inspect(
            File("""{"NativeCollectives":{"Backend":"ring","FormingTimeout":"00:00:07"}}""")
        );
        Assert.That(report.Findings, Is.Empty);
        Assert.That((report.Backend, report.Rank, report.Size), Is.EqualTo(("ring", 1, 2)));
        Assert.That(Source("Ring:Rank"), Does.StartWith("environment variable MLX_RANK"));
        Assert.That(Source("Ring:HostFile"), Is.EqualTo("environment variable NativeCollectives__Ring__HostFile"));
        Assert.That(Source("FormingTimeout"), Does.EndWith("settings.json"));
        Assert.That(Source("Strict"), Is.EqualTo("default"));

        string Source(string key) =>
            report.Settings.Single(setting => setting.Key == $"NativeCollectives:{key}").Source;
    }

    [Test]
    public void Malformed_values_are_named_with_their_place()
    {
        Set("MLX_RANK", "one");
        ConfigurationReport report = new ConfigurationInspector().Inspect(
            File("""{"NativeCollectives":{"Backend":"rung"}}""")
        );
        Assert.That(report.Backend, Is.Null);
        Assert.That(
            report.Findings.Select(static finding => finding.Message),
            Has.Some.Contains("\"rung\"").And.Some.Contains("\"one\"").And.Some.Contains("MLX_RANK")
        );
    }

    [Test]
    public void A_hostfile_that_the_ring_would_refuse_is_found()
    {
        Set("MLX_RANK", "2");
        Set("MLX_HOSTFILE", File("""[["127.0.0.1:5000"],["127.0.0.1:5001"]]""", "ring.json"));
        Assert.That(Messages(), Has.Some.StartsWith("the rank is 2, but").And.Some.Contains("2 ranks"));
        Set("MLX_HOSTFILE", Path.Combine(_folder, "nowhere.json"));
        Assert.That(Messages(), Has.Some.Contains("does not exist"));
        Set(
            "MLX_HOSTFILE",
            File("""[{"ssh":"a","ips":["10.0.0.1"]},{"ssh":"b","ips":["10.0.0.2"]}]""", "launcher.json")
        );
        Assert.That(Messages(), Has.Some.Contains("is a launcher's hostfile; a rank needs lists of \"host:port\""));

        IEnumerable<string> Messages() =>
            new ConfigurationInspector().Inspect(File("{}")).Findings.Select(static finding => finding.Message);
    }

    [Test]
    public void A_backend_that_is_configured_but_cannot_be_used_is_a_finding()
    {
        Set("NativeCollectives__Jaccl__Library", Path.Combine(_folder, "libnone.so"));
        Set("MLX_RANK", "0");
        Set("MLX_JACCL_COORDINATOR", "127.0.0.1:5000");
        Set("MLX_IBV_DEVICES", File("""[[null,"a"],["b",null]]""", "devices.json"));
        ConfigurationReport report = new ConfigurationInspector().Inspect(File("{}"));
        Assert.That(report.Backend, Is.Null);
        Assert.That(report.Findings.Select(static finding => finding.Message), Has.Some.Contains("libnone.so"));
    }

    [Test]
    public void A_file_that_is_no_JSON_is_a_finding_and_one_that_is_not_there_a_mistake_of_the_command_line()
    {
        Assert.That(
            new ConfigurationInspector().Inspect(File("{ nothing")).Findings.Select(static finding => finding.Message),
            Has.One.Contains("settings.json cannot be read")
        );
        Assert.That(
            () => new ConfigurationInspector().Inspect(Path.Combine(_folder, "none.json")),
            Throws.InstanceOf<ToolException>().With.Property(nameof(ToolException.ExitCode)).EqualTo(ExitCodes.Usage)
        );
    }

    private string File(string text, string name = "settings.json")
    {
        string path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private void Set(string name, string value)
    {
        _set.Add(name);
        Environment.SetEnvironmentVariable(name, value);
    }
}
