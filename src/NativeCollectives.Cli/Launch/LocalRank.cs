using System.Collections;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>A rank on this machine: started without a shell.</summary>
internal sealed class LocalRank(RankPlan plan, ProcessStart start) : Rank(plan, ChildProcess.Start(start))
{
    /// <summary>What is to be started for a rank.</summary>
    /// <param name="plan">The rank.</param>
    /// <param name="temporary">The folder for its files.</param>
    /// <param name="mark">By which the job's processes are known: <see cref="Guard.MarkVariable"/>.</param>
    /// <exception cref="ToolException">The program or the folder is not there.</exception>
    public static ProcessStart Prepare(RankPlan plan, string temporary, string mark)
    {
        var environment = Inherited();
        environment[Guard.MarkVariable] = mark;
        environment[LaunchReport.Variable] = Path.Combine(temporary, $"rank-{plan.Rank}.lost");
        foreach (var (name, value) in plan.Variables)
        {
            environment[name] = value;
        }

        if (plan.File is { } file)
        {
            var path = RankPlan.PathOf(file, temporary);
            File.WriteAllText(path, file.Value + "\n");
            environment.TryAdd(file.Key, path);
        }

        var folder = Folder(plan);
        environment["PWD"] = folder;
        return ProcessStart.Of(plan.Command, environment, folder);
    }

    public override ProcessEnd Wait() => Process.Wait();

    public override bool HasLostPeer =>
        (start.Environment.GetValueOrDefault(LaunchReport.Variable) is { } report && File.Exists(report))
        || base.HasLostPeer;

    public override void Signal(int signal) => Process.Signal(signal);

    public override void Kill() => Process.Signal(Signals.Kill);

    /// <summary>The variables of the tool, without those of a job in which it may itself be a rank.</summary>
    public static Dictionary<string, string> Inherited()
    {
        var environment = Environment
            .GetEnvironmentVariables()
            .Cast<DictionaryEntry>()
            .ToDictionary(variable => (string)variable.Key, variable => (string)variable.Value!);
        foreach (var name in JobPlanner.GroupVariables)
        {
            environment.Remove(name);
        }

        // A terminal that does not know its size says 0.
        if (
            StandardStreams.IsTerminal(StandardStreams.Output)
            && Console.WindowWidth is > 0 and var columns
            && Console.WindowHeight is > 0 and var lines
        )
        {
            environment["COLUMNS"] = $"{columns}";
            environment["LINES"] = $"{lines}";
        }

        return environment;
    }

    /// <summary>The folder in which a rank starts.</summary>
    public static string Folder(RankPlan plan)
    {
        if (plan.Folder is not { } given)
        {
            return CurrentFolder.Path;
        }

        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var folder = Path.GetFullPath(
            given == "~" || given.StartsWith("~/", StringComparison.Ordinal) ? home + given[1..] : given
        );
        return Directory.Exists(folder)
            ? folder
            : throw ToolException.Usage($"the folder {folder}, in which rank {plan.Rank} is to start, does not exist");
    }
}
