using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using NativeCollectives.Cli.Doctor.Output;
using NativeCollectives.Cli.Doctor.Probing;

namespace NativeCollectives.Cli.Doctor;

/// <summary><c>collectives doctor</c>.</summary>
internal static class DoctorCommand
{
    private const string Description = """
        Says what works on this machine, and between hosts, and if not, why.

        Without options: this machine, each backend (ring, jaccl, nccl) and why it cannot be used if so, and the
        configuration that a program started in this folder would use, with the place that each value comes from. With
        --hostfile the hosts and the links between them are tested too: names, connections, round trips, bandwidth both
        ways, the bytes themselves.

          collectives doctor
          collectives doctor --hostfile hosts.json
          collectives doctor --hostfile hosts.json --min-bandwidth 10 --json

        Exit codes: 0 all is well, 1 something is wrong, 2 the command line or a file that it names is wrong.
        """;

    private static readonly string[] _backends = ["ring", "jaccl", "jaccl-ring", "nccl"];

    public static Command Create()
    {
        var hostFile = new Option<string?>("--hostfile")
        {
            HelpName = "FILE",
            Description =
                "Test the hosts and links of this file: a launcher's hostfile (the one for launch, MLX's too), the "
                + "ring's list of lists of "
                + $"\"host:port\" ({MlxVariables.HostFile}), or jaccl's matrix of RDMA devices "
                + $"({MlxVariables.DeviceFile}). Addresses with "
                + "ports are tested at these ports, so no "
                + "job may be running. The tool must be installed on other hosts, and ssh reach them without a "
                + "password.",
        };
        var backend = new Option<string?>("--backend")
        {
            HelpName = "BACKEND",
            Description =
                "The backend for which the hostfile is judged: ring, jaccl, jaccl-ring or nccl. Default: what the file "
                + "says, else jaccl if it names "
                + "RDMA devices, else ring.",
        };
        var config = new Option<string?>("--config")
        {
            HelpName = "FILE",
            Description =
                "The JSON file whose section NativeCollectives is read. Default: appsettings.json in this folder, if "
                + "it is there.",
        };
        var timeout = new Option<double>("--timeout")
        {
            HelpName = "SECONDS",
            Description = "How long each step of a test may take.",
            DefaultValueFactory = static _ => 5,
            CustomParser = static result => Number(result, "--timeout", 0.01, 3600, "seconds, from 0.01 to 3600"),
        };
        var minimum = new Option<double?>("--min-bandwidth")
        {
            HelpName = "GBITS",
            CustomParser = static result =>
                Number(
                    result,
                    "--min-bandwidth",
                    double.Epsilon,
                    double.MaxValue,
                    "a bandwidth in Gbit/s, greater than 0"
                ),
            Description =
                "A link below this bandwidth, in Gbit/s, is slow. Default: a link is slow only in comparison with the "
                + "others.",
        };
        var remoteCommand = new Option<string?>("--remote-command")
        {
            HelpName = "COMMAND",
            Description =
                "What runs this tool on other hosts, in words of the shell there, such as \"dotnet "
                + "tools/collectives.dll\". Default: collectives, "
                + "on the PATH or in ~/.dotnet/tools.",
        };
        var json = new Option<bool>("--json")
        {
            Description = "Print one JSON object with everything, and nothing else.",
        };
        var command = new Command("doctor", Description)
        {
            hostFile,
            backend,
            config,
            timeout,
            minimum,
            remoteCommand,
            json,
        };
        backend.CompletionSources.Add(_backends);
        backend.Validators.Add(static result =>
        {
            if (result.Tokens.Count > 0 && !_backends.Contains(result.Tokens[0].Value))
            {
                result.AddError(
                    $"--backend is {result.Tokens[0].Value}, but should be {string.Join(", ", _backends[..^1])} or "
                        + $"{_backends[^1]}"
                );
            }
        });
        foreach (Command probe in ProbeCommands.Create())
        {
            command.Add(probe);
        }

        command.SetAction(
            (parsed, cancellationToken) =>
                new DoctorRun(
                    new DoctorOptions
                    {
                        HostFile = parsed.GetValue(hostFile),
                        Backend = parsed.GetValue(backend),
                        Config = parsed.GetValue(config),
                        Timeout = TimeSpan.FromSeconds(parsed.GetValue(timeout)),
                        MinimumBandwidth = parsed.GetValue(minimum),
                        RemoteCommand = parsed.GetValue(remoteCommand),
                        Json = parsed.GetValue(json),
                    },
                    Consoles.Output(),
                    Consoles.Errors()
                ).RunAsync(cancellationToken)
        );
        return command;
    }

    private static double Number(ArgumentResult result, string option, double least, double most, string expected)
    {
        string text = result.Tokens[0].Value;
        if (
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && number >= least
            && number <= most
        )
        {
            return number;
        }

        result.AddError($"{option} is {text}, but should be {expected}");
        return 0;
    }
}
