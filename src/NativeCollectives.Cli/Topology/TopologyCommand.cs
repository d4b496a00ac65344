using System.CommandLine;
using System.CommandLine.Parsing;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Topology;

/// <summary><c>collectives topology</c>.</summary>
internal static class TopologyCommand
{
    private const string Thunderbolt = "thunderbolt";
    private const string Ethernet = "ethernet";

    private const string Description = """
        Plans a ring or a mesh of Macs that are joined by Thunderbolt.

        Asks each host, over ssh, what is connected to its Thunderbolt ports; finds a mesh or a ring through all hosts;
        gives every cable a network of its own; prints the commands that set the ports up, and the hostfile for
        collectives launch. ssh must reach the hosts without a password.

          collectives topology --hosts mac1,mac2,mac3,mac4 --dot | dot -Tpng > cables.png
          collectives topology --hosts mac1,mac2,mac3,mac4 --auto-setup --output hosts.json
          collectives launch --hostfile hosts.json -- dotnet MyApp.dll

        Exit codes: 0 there is a plan, 1 a host cannot be reached or the cables do not do, 2 the command line or a file
        that it names is wrong, 3 a command fails on a host.
        """;

    public static Command Create()
    {
        var hosts = new Option<string?>("--hosts")
        {
            HelpName = "A,B,…",
            Description =
                "The hosts, as ssh knows them, separated by commas. Default: those of --hostfile; of --from; else "
                + "127.0.0.1, this one.",
        };
        var hostFile = new Option<string?>("--hostfile")
        {
            HelpName = "FILE",
            Description = "Take the hosts from this hostfile; only their names matter.",
        };
        var from = new Option<string?>("--from")
        {
            HelpName = "FOLDER",
            Description =
                "Plan from captured text, asking no host. For each host the folder has HOST.system_profiler.json "
                + "(of system_profiler SPThunderboltDataType -json), HOST.networksetup.txt (of networksetup "
                + "-listallhardwareports) and, if there are any, "
                + "HOST.ibv_devices.txt (of ibv_devices) and HOST.ipconfig.txt (of ipconfig getifaddr en0).",
        };
        var save = new Option<string?>("--save")
        {
            HelpName = "FOLDER",
            Description = "Write what the hosts print to this folder, for --from.",
        };
        var ignoreUnreachable = new Option<bool>("--ignore-unreachable")
        {
            Description = "Go on without the hosts that cannot be reached. Default: end with exit code 1.",
        };
        var over = new Option<string>("--over")
        {
            HelpName = $"{Thunderbolt}|{Ethernet}",
            Description =
                $"Over what the hosts talk. {Ethernet}: the hostfile has each host's address on en0 or else en1.",
            DefaultValueFactory = static _ => Thunderbolt,
        };
        var backend = new Option<string?>("--backend")
        {
            HelpName = "BACKEND",
            Description =
                "Plan for ring, jaccl (a mesh over RDMA) or jaccl-ring. "
                + "Default: the first that is possible of jaccl, jaccl-ring and ring; with --over ethernet none.",
        };
        var env = new Option<string[]>("--env")
        {
            HelpName = "NAME=VALUE",
            Description = "A variable of every rank, for the hostfile. May be given several times.",
        };
        var output = new Option<string?>("--output-hostfile", "--output")
        {
            HelpName = "FILE",
            Description = "Write the hostfile there. Default: print it.",
        };
        var autoSetup = new Option<bool>("--auto-setup")
        {
            Description =
                "Run the setup commands on the hosts; sudo must ask for no password there, else they are printed. "
                + "Default: print them.",
        };
        var noAutoSetup = new Option<bool>("--no-auto-setup")
        {
            Description = "Print the setup commands; the default.",
        };
        var dot = new Option<bool>("--dot")
        {
            Description = "Print the cables as a graph for Graphviz, and nothing else.",
        };
        var verbose = new Option<bool>("--verbose")
        {
            Description = "Say what is being done, on the standard error stream.",
        };

        over.AcceptOnlyFromAmong(Thunderbolt, Ethernet);
        backend.AcceptOnlyFromAmong([.. TopologyPlan.Backends]);
        env.Validators.Add(static result =>
        {
            foreach (
                var variable in result
                    .Tokens.Select(token => token.Value)
                    .Where(variable => !EnvironmentVariable.IsWellFormed(variable))
            )
            {
                result.AddError($"--env is \"{variable}\", but should be {EnvironmentVariable.Expected}");
            }
        });

        var command = new Command("topology", Description)
        {
            hosts,
            hostFile,
            from,
            save,
            ignoreUnreachable,
            over,
            backend,
            env,
            output,
            autoSetup,
            noAutoSetup,
            dot,
            verbose,
        };
        Exclude(hosts, hostFile);
        Exclude(from, save);
        Exclude(from, autoSetup);
        Exclude(autoSetup, noAutoSetup);
        // By their words: values that are wrong in themselves cannot be asked for here.
        command.Validators.Add(result =>
        {
            if (result.GetResult(over) is { Tokens: [{ Value: Ethernet }] })
            {
                if (IsGiven(result, dot) || IsGiven(result, autoSetup))
                {
                    result.AddError(
                        $"--dot and --auto-setup are for cables of Thunderbolt, and do not go with --over {Ethernet}"
                    );
                }

                if (result.GetResult(backend) is { Tokens: [{ Value: not TopologyPlan.RingBackend and var name }] })
                {
                    result.AddError(
                        $"--backend {name} needs cables of Thunderbolt, and does not go with --over {Ethernet}"
                    );
                }
            }
        });
        command.SetAction(
            (parsed, cancellationToken) =>
                new TopologyRun(
                    new TopologyOptions
                    {
                        Hosts = parsed.GetValue(hosts),
                        HostFile = parsed.GetValue(hostFile),
                        From = parsed.GetValue(from),
                        Save = parsed.GetValue(save),
                        IgnoreUnreachable = parsed.GetValue(ignoreUnreachable),
                        OverEthernet = parsed.GetValue(over) == Ethernet,
                        Backend = parsed.GetValue(backend),
                        Envs = parsed.GetValue(env) ?? [],
                        Output = parsed.GetValue(output),
                        AutoSetup = parsed.GetValue(autoSetup),
                        Dot = parsed.GetValue(dot),
                        Verbose = parsed.GetValue(verbose),
                    },
                    new SshShell(),
                    Console.Out,
                    Console.Error
                ).RunAsync(cancellationToken)
        );
        return command;

        void Exclude(Option one, Option other) =>
            command.Validators.Add(result =>
            {
                if (IsGiven(result, one) && IsGiven(result, other))
                {
                    result.AddError($"{one.Name} and {other.Name} exclude each other");
                }
            });
    }

    private static bool IsGiven(CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };
}
