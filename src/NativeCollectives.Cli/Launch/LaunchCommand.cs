using System.CommandLine;
using System.CommandLine.Parsing;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Launch;

/// <summary><c>collectives launch</c>.</summary>
internal static class LaunchCommand
{
    public static Command Create()
    {
        var hosts = new Option<string?>("--hosts")
        {
            Description =
                "The hosts, with commas between them; 127.0.0.1 and localhost are this machine, others are reached by "
                + "ssh [default: 127.0.0.1]",
            HelpName = "A,B",
        };
        var repeat = new Option<int>("--repeat-hosts", "-n", "-np", "--ranks")
        {
            Description = "How many ranks each host gets, one after the other",
            HelpName = "N",
            DefaultValueFactory = _ => 1,
        };
        var hostFile = new Option<string?>("--hostfile")
        {
            Description = "A JSON file that lists the hosts, in the format of mlx.launch",
            HelpName = "FILE",
        };
        var backend = new Option<string?>("--backend")
        {
            Description =
                "What the ranks are prepared for: ring, jaccl, jaccl-ring or nccl [default: the hostfile's; else nccl "
                + "if this "
                + "machine has it; else ring]",
            HelpName = "NAME",
        };
        var env = new Option<string[]>("--env")
        {
            Description = "A variable for every rank; may be repeated",
            HelpName = "NAME=VALUE",
            AllowMultipleArgumentsPerToken = false,
        };
        var envFile = new Option<string?>("--env-file")
        {
            Description =
                "A file of variables for every rank, a line each: NAME=VALUE. Nobody else sees their values, nor those "
                + "of variables that are called "
                + "key, token, secret, password or so",
            HelpName = "FILE",
        };
        var connections = new Option<int>("--connections-per-ip")
        {
            Description = "ring: how many connections each address of a host carries",
            HelpName = "C",
            DefaultValueFactory = _ => 1,
        };
        var port = new Option<int?>("--starting-port", "-p")
        {
            Description =
                "ring: the first port; each rank, address and connection takes the next. jaccl: the coordinator's port "
                + "[default: "
                + $"free ports if all ranks are on this machine, else {LaunchOptions.DefaultPort}]",
            HelpName = "PORT",
        };
        var ncclPort = new Option<int?>("--nccl-port")
        {
            Description =
                "nccl: the port at which rank 0 hands out the group's id [default: a free port if all ranks are on "
                + "this machine, "
                + $"else {LaunchOptions.DefaultNcclPort}]",
            HelpName = "PORT",
        };
        var cwd = new Option<string?>("--cwd")
        {
            Description =
                "The folder in which the ranks start [default: this one; on a host that lacks it, the home folder]",
            HelpName = "FOLDER",
        };
        var python = new Option<string?>("--python")
        {
            Description = "A program to run the command with, put before it",
            HelpName = "EXE",
        };
        var printPython = new Option<bool>("--print-python")
        {
            Description = "Print what --python names, or python3, and end",
        };
        var verbose = new Option<bool>("--verbose")
        {
            Description = $"Say what is started where; {MlxVariables.RingVerbose}=1 for ring, NCCL_DEBUG=INFO for nccl",
        };
        var dryRun = new Option<bool>("--dry-run")
        {
            Description = "Print what would be started where, with every variable, and start nothing",
        };
        var timeout = new Option<string?>("--timeout")
        {
            Description = $"End the job after this time, with exit code {ExitCodes.TimedOut}: {Duration.Expected}",
            HelpName = "TIME",
        };
        var grace = new Option<string>("--grace-period")
        {
            Description = "How long a rank may take to end after SIGTERM, before SIGKILL",
            HelpName = "TIME",
            DefaultValueFactory = _ => "1s",
        };
        var patience = new Option<string>("--patience")
        {
            Description = "After a rank has failed: how long the others may take to end by themselves, before SIGTERM",
            HelpName = "TIME",
            DefaultValueFactory = _ => "2s",
        };
        var restart = new Option<int>("--restart")
        {
            Description = "After a failure start the whole job again, at most K times",
            HelpName = "K",
            DefaultValueFactory = _ => 0,
        };
        var input = new Option<string>("--stdin")
        {
            Description = "Which ranks get the standard input: the number of one, all or none",
            HelpName = "RANKS",
            DefaultValueFactory = _ => "0",
        };
        var prefix = new Option<bool>("--prefix")
        {
            Description = "Begin every line of output with [rank] also where it is not a terminal",
        };
        var noPrefix = new Option<bool>("--no-prefix") { Description = "Leave the output as it is also on a terminal" };
        var color = new Option<ColorMode>("--color")
        {
            Description = "When [rank] is coloured: auto (on a terminal), always or never",
            HelpName = "WHEN",
            DefaultValueFactory = _ => ColorMode.Auto,
        };
        var command = new Argument<string[]>("command")
        {
            Description =
                "The program and its arguments; everything from the program on is the program's, -- before it makes "
                + "that plain",
            Arity = ArgumentArity.ZeroOrMore,
        };

        var launch = new Command(
            "launch",
            """
            Starts a program on every rank, here or on hosts by ssh.

            Examples:
              collectives launch -n 4 -- dotnet run
              collectives launch -n 2 ./train --epochs 3
              collectives launch --hostfile hosts.json --backend jaccl -- python3 train.py

            Ends with the exit code of the rank that is to blame, 128 + the signal's number if a signal killed it.
            The other ranks are ended then.
            """
        )
        {
            repeat,
            hosts,
            hostFile,
            backend,
            env,
            envFile,
            connections,
            port,
            ncclPort,
            cwd,
            python,
            printPython,
            verbose,
            dryRun,
            timeout,
            patience,
            grace,
            restart,
            input,
            prefix,
            noPrefix,
            color,
            command,
        };
        launch.SetAction(
            async (parsed, cancellationToken) =>
            {
                if (parsed.GetValue(printPython))
                {
                    Console.WriteLine(parsed.GetValue(python) ?? "python3");
                    return ExitCodes.Success;
                }

                using var launcher = new Launcher(Read(parsed));
                return await launcher.RunAsync(cancellationToken);
            }
        );
        return launch;

        LaunchOptions Read(ParseResult parsed) =>
            new()
            {
                Hosts = parsed.GetValue(hosts) is { } list ? HostNames(list, parsed.GetValue(hostFile)) : null,
                RepeatHosts = InRange("-n", parsed.GetValue(repeat), 1, 100_000, "a number of ranks from 1"),
                HostFile = File("--hostfile", parsed.GetValue(hostFile)) is { } file ? HostFile.Read(file) : null,
                Backend = parsed.GetValue(backend) is { } name ? OneOf("--backend", name, LaunchBackend.All) : null,
                Environment = [.. (parsed.GetValue(env) ?? []).Select(Variable)],
                SecretEnvironment = File("--env-file", parsed.GetValue(envFile)) is { } variables
                    ? EnvironmentFile.Read(variables)
                    : [],
                ConnectionsPerIp = InRange(
                    "--connections-per-ip",
                    parsed.GetValue(connections),
                    1,
                    1000,
                    "a number from 1 to 1000"
                ),
                StartingPort = Port("--starting-port", parsed.GetValue(port)),
                NcclPort = Port("--nccl-port", parsed.GetValue(ncclPort)),
                Folder = File("--cwd", parsed.GetValue(cwd)),
                Python = File("--python", parsed.GetValue(python)),
                IsVerbose = parsed.GetValue(verbose),
                IsDryRun = parsed.GetValue(dryRun),
                Timeout = parsed.GetValue(timeout) is { } limit ? Time("--timeout", limit) : null,
                Patience = Time("--patience", parsed.GetValue(patience)!),
                GracePeriod = Time("--grace-period", parsed.GetValue(grace)!),
                Restarts = InRange("--restart", parsed.GetValue(restart), 0, int.MaxValue, "a number from 0"),
                Input =
                    InputTarget.Parse(parsed.GetValue(input)!)
                    ?? throw ToolException.Usage(
                        $"--stdin is \"{Shown.Text(parsed.GetValue(input)!)}\"; expected {InputTarget.Expected}"
                    ),
                IsPrefixed = (parsed.GetValue(prefix), parsed.GetValue(noPrefix)) switch
                {
                    (true, true) => throw ToolException.Usage("--prefix and --no-prefix exclude each other"),
                    (true, _) => true,
                    (_, true) => false,
                    _ => null,
                },
                Color = parsed.GetValue(color),
                Command = parsed.GetValue(command) ?? [],
            };
    }

    private static List<string> HostNames(string list, string? hostFile)
    {
        if (hostFile is not null)
        {
            throw ToolException.Usage("--hosts and --hostfile exclude each other");
        }

        var names = list.Split(',').Select(name => name.Trim()).ToList();
        return names.Exists(name => name.Length == 0 || name.StartsWith('-') || name.Any(char.IsWhiteSpace))
            ? throw ToolException.Usage(
                $"--hosts is \"{list}\"; expected names of hosts with commas between them, such as "
                    + "192.168.0.1,192.168.0.2"
            )
            : names;
    }

    private static string? File(string option, string? path) =>
        path is null || (path.Length > 0 && !path.Contains('\0'))
            ? path
            : throw ToolException.Usage($"{option} is \"{Shown.Text(path)}\"; expected a path");

    private static string Variable(string text) =>
        EnvironmentVariable.IsWellFormed(text)
            ? text
            : throw ToolException.Usage(
                $"--env is \"{EnvironmentVariable.Shown(text)}\"; expected {EnvironmentVariable.Expected}"
            );

    private static int InRange(string option, int value, int least, int greatest, string expected) =>
        value >= least && value <= greatest
            ? value
            : throw ToolException.Usage($"{option} is {value}; expected {expected}");

    private static int? Port(string option, int? value) =>
        value is { } port ? InRange(option, port, 1, 65535, "a port from 1 to 65535") : null;

    private static TimeSpan Time(string option, string text) =>
        Duration.Parse(text) ?? throw ToolException.Usage($"{option} is \"{text}\"; expected {Duration.Expected}");

    private static string OneOf(string option, string value, IReadOnlyList<string> values) =>
        values.Contains(value)
            ? value
            : throw ToolException.Usage($"{option} is \"{value}\"; expected one of {string.Join(", ", values)}");
}
