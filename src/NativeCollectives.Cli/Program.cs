using System.CommandLine;
using NativeCollectives.Cli;
using NativeCollectives.Cli.Bench;
using NativeCollectives.Cli.Doctor;
using NativeCollectives.Cli.Launch;
using NativeCollectives.Cli.Topology;

Command launch = LaunchCommand.Create();
var root = new RootCommand("Launches, checks, plans and measures programs that use NativeCollectives.")
{
    launch,
    DoctorCommand.Create(),
    TopologyCommand.Create(),
    BenchCommand.Create(),
};
return await Tool.RunAsync(root, LaunchArguments.Separate(args, launch));
