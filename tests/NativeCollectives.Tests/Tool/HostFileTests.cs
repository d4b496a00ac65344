using NativeCollectives.Cli;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Tests.Tool;

/// <summary>The hostfile of mlx.launch, in both forms and with our own keys.</summary>
[Category("Unit")]
public sealed class HostFileTests
{
    [Test]
    public void AListOfHostsIsRead()
    {
        var file = HostFile.Parse(
            """
            [{"ssh": "a", "ips": ["10.0.0.1", "10.0.1.1"], "rdma": [null, "en1", ["en2", "en3"]]},
            {"ssh": "localhost"}]
            """,
            "f"
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Backend, Is.Null);
            Assert.That(file.Hosts.Select(host => host.Ssh), Is.EqualTo(new[] { "a", "localhost" }));
            Assert.That(file.Hosts[0].Ips, Is.EqualTo(new[] { "10.0.0.1", "10.0.1.1" }));
            Assert.That(file.Hosts[0].Rdma, Is.EqualTo(new string[][] { [], ["en1"], ["en2", "en3"] }));
            Assert.That(file.Hosts.Select(host => host.IsLocal), Is.EqualTo(new[] { false, true }));
            Assert.That(file.Hosts[1].Rdma, Is.Null);
        }
    }

    [Test]
    public void AnObjectIsReadAndUnknownKeysAreLeftAlone()
    {
        var file = HostFile.Parse(
            """
            {"backend": "jaccl", "envs": ["A=b=c", "E="], "new": 1, "hosts": [
              {"ssh": "a", "x": {}, "command": ["python3", ""], "envs": ["H=1"], "cwd": "/d"}]}
            """,
            "f"
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Backend, Is.EqualTo("jaccl"));
            Assert.That(file.Envs, Is.EqualTo(new[] { "A=b=c", "E=" }));
            Assert.That(file.Hosts[0].Command, Is.EqualTo(new[] { "python3", "" }));
            Assert.That(file.Hosts[0].Envs, Is.EqualTo(new[] { "H=1" }));
            Assert.That(file.Hosts[0].Cwd, Is.EqualTo("/d"));
        }
    }

    /// <summary>mlx.distributed_config writes such a file over Ethernet.</summary>
    [Test]
    public void AnEmptyBackendIsNone() =>
        Assert.That(HostFile.Parse("""{"backend": "", "hosts": [{"ssh": "a"}]}""", "f").Backend, Is.Null);

    [TestCase(
        """
            [{"ssh":"a","ips":["1.2.3.4"],"rdma":[null,"x",["y","z"]],"command":["p","-x"],"envs":["A=1"],"cwd":"~/d"},
            {"ssh":"b","ips":[]}]
            """,
        '['
    )]
    [TestCase("""{"backend":"ring","envs":["A=ü \" \n"],"hosts":[{"ssh":"a","ips":[]}]}""", '{')]
    public void WhatIsWrittenIsReadBack(string json, char first)
    {
        var file = HostFile.Parse(json, "f");
        var text = file.ToJson();
        Assert.That(text, Does.StartWith($"{first}"));
        Assert.That(HostFile.Parse(text, "g").ToJson(), Is.EqualTo(text));
        Assert.That(
            HostFile.Parse(text, "g").Hosts.Select(host => host.Rdma),
            Is.EqualTo(file.Hosts.Select(host => host.Rdma))
        );
    }

    [TestCase("", "is not JSON")]
    [TestCase("[{]", "is not JSON")]
    [TestCase("3", "holds 3; expected a list of hosts, or an object with \"hosts\"")]
    [TestCase("[]", "the list is empty; expected at least one host")]
    [TestCase("{}", "has no \"hosts\"")]
    [TestCase("""{"hosts": "a"}""", "\"hosts\" is \"a\"; expected a list of hosts")]
    [TestCase("""{"hosts": [{"ssh": "a"}], "backend": 3}""", "\"backend\" is 3; expected the name of a backend")]
    [TestCase("""{"hosts": [{"ssh": "a"}], "envs": "A=1"}""", "\"envs\" is \"A=1\"; expected a list of variables")]
    [TestCase("""{"hosts": [{"ssh": "a"}], "envs": ["1A=1"]}""", "\"envs\" holds \"1A=***\"; expected NAME=VALUE")]
    [TestCase("""["a"]""", "host 0 is \"a\"; expected an object")]
    [TestCase("""[{"ssh": "a"}, {"ips": []}]""", "host 1 has no \"ssh\"")]
    [TestCase("""[{"ssh": ""}]""", "host 0: \"ssh\" is \"\"")]
    [TestCase(
        """[{"ssh": "-oProxyCommand=x"}]""",
        "host 0: \"ssh\" is \"-oProxyCommand=x\"; expected the name of a host"
    )]
    [TestCase("""[{"ssh": "a", "ips": "1.2.3.4"}]""", "host 0: \"ips\" is \"1.2.3.4\"; expected a list of addresses")]
    [TestCase("""[{"ssh": "a", "ips": ["1.2.3.4", 5]}]""", "host 0: \"ips\"[1] is 5; expected a list of addresses")]
    [TestCase(
        """[{"ssh": "a", "rdma": "en1"}]""",
        "host 0: \"rdma\" is \"en1\"; expected a list with an entry for each rank"
    )]
    [TestCase(
        """[{"ssh": "a", "rdma": [null, 1]}]""",
        "host 0: \"rdma\"[1] is 1; expected null, the name of a device, or a list of names"
    )]
    [TestCase("""[{"ssh": "a", "rdma": [["x", null]]}]""", "host 0: \"rdma\"[0] is null")]
    [TestCase("""[{"ssh": "a", "command": "ls"}]""", "host 0: \"command\" is \"ls\"; expected a list of texts")]
    [TestCase("""[{"ssh": "a", "command": []}]""", "host 0: \"command\" is empty")]
    [TestCase("""[{"ssh": "a", "command": [""]}]""", "host 0: \"command\"[0] is \"\"")]
    [TestCase("""[{"ssh": "a", "envs": ["x"]}]""", "host 0: \"envs\" holds \"x\"")]
    [TestCase("""[{"ssh": "a", "cwd": 1}]""", "host 0: \"cwd\" is 1; expected the path of a folder")]
    public void WhatIsMalformedIsNamed(string json, string expected)
    {
        var failure = Assert.Throws<ToolException>(() => HostFile.Parse(json, "hosts.json"))!;
        Assert.That(failure.Message, Does.StartWith("the hostfile hosts.json ").And.Contain(expected));
        Assert.That(failure.ExitCode, Is.EqualTo(ExitCodes.Usage));
    }

    [Test]
    public void AFileThatDoesNotExistIsNamed() =>
        Assert.That(
            () => HostFile.Read("/no/such.json"),
            Throws.TypeOf<ToolException>().With.Message.EqualTo("the hostfile /no/such.json does not exist")
        );
}
