using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using NativeCollectives.Cli.Doctor.Cluster;
using NativeCollectives.Hosting;

namespace NativeCollectives.Cli.Doctor.Configured;

/// <summary>
/// Reads the configuration as a program that uses NativeCollectives.Hosting does, and decides, by the library's own
/// code, which group would be formed.
/// </summary>
internal sealed class ConfigurationInspector
{
    private const string Where = "configuration";
    private const string UsualFile = "appsettings.json";

    private readonly List<Finding> _findings = [];

    /// <summary>The options that a program would use; <see langword="null"/>: something is wrong with them.</summary>
    public DistributedGroupOptions? Options { get; private set; }

    /// <param name="file">
    /// A JSON file; <see langword="null"/>: appsettings.json of the current folder, if there is one.
    /// </param>
    /// <exception cref="ToolException">The file that was given does not exist.</exception>
    public ConfigurationReport Inspect(string? file)
    {
        if (file is not null && !File.Exists(file))
        {
            throw ToolException.Usage($"the configuration file {file} does not exist");
        }

        file ??= File.Exists(UsualFile) ? UsualFile : null;
        if (Build(file) is not { } configuration)
        {
            return new ConfigurationReport { File = file, Findings = _findings };
        }

        var report = new ConfigurationReport
        {
            File = file,
            Settings = ConfigurationTrace.Of(configuration),
            Findings = _findings,
        };
        try
        {
            Options = DistributedGroupSettings.From(configuration).ToGroupOptions();
        }
        catch (OptionsValidationException failure)
        {
            _findings.AddRange(failure.Failures.Select(static problem => new Finding(Where, problem.TrimEnd('.'))));
            return report;
        }

        return Decide(report, Options);
    }

    private IConfiguration? Build(string? file)
    {
        var builder = new ConfigurationBuilder();
        if (file is not null)
        {
            builder.AddJsonFile(Path.GetFullPath(file), optional: false);
        }

        try
        {
            return builder.AddEnvironmentVariables().AddLauncherEnvironment().Build();
        }
        catch (Exception failure)
            when (failure is InvalidDataException or FormatException or IOException or UnauthorizedAccessException)
        {
            _findings.Add(
                new Finding(
                    Where,
                    $"the configuration file {file} cannot be read: {failure.GetBaseException().Message.TrimEnd('.')}"
                )
            );
            return null;
        }
    }

    private ConfigurationReport Decide(ConfigurationReport report, DistributedGroupOptions options)
    {
        try
        {
            GroupPlan plan = GroupPlan.Make(options, LaunchEnvironment.OfProcess, DistributedGroup.WhyUnavailable);
            report = report with { Missing = plan.Missing, Warning = plan.Warning, Note = plan.Note };
            return plan.Configuration is { } chosen
                ? report with
                {
                    Backend = chosen.Name,
                    Rank = chosen.Rank,
                    Size = SizeOf(chosen),
                }
                : report with
                {
                    Backend = "none",
                    Rank = 0,
                    Size = 1,
                };
        }
        catch (Exception failure) when (failure is CollectiveException or ArgumentException)
        {
            _findings.Add(new Finding(Where, failure.Message.TrimEnd('.')));
            return report;
        }
    }

    // The native library reads these when it forms the group; what it would refuse is found here.
    private int? SizeOf(BackendConfiguration configuration)
    {
        Dictionary<string, string> settings = configuration.Settings.ToDictionary();
        if (settings.TryGetValue("size", out string? size))
        {
            return int.Parse(size, CultureInfo.InvariantCulture);
        }

        string backend = settings.GetValueOrDefault("prefer_ring") == "true" ? "jaccl-ring" : configuration.Name;
        try
        {
            ClusterPlan? plan =
                settings.TryGetValue("hostfile", out string? file) || settings.TryGetValue("device_file", out file)
                    ? ClusterReader.Read(file, backend)
                : settings.TryGetValue("hosts", out string? text) || settings.TryGetValue("devices", out text)
                    ? ClusterReader.Parse(text, "(in the configuration)", backend)
                : null;
            if (plan is null)
            {
                return null;
            }

            ClusterKind expected = configuration.Backend == BackendKind.Ring ? ClusterKind.Ring : ClusterKind.Devices;
            if (plan.Kind != expected)
            {
                string needed = expected == ClusterKind.Ring ? "lists of \"host:port\"" : "the matrix of RDMA devices";
                string found = plan.Kind == ClusterKind.Launcher ? "a launcher's hostfile" : "another kind of file";
                throw ToolException.Usage(
                    $"{plan.Path} is {found}; a rank needs {needed}, which the launcher makes of it"
                );
            }

            int ranks = Math.Max(1, plan.Ranks.Count);
            _findings.AddRange(plan.Findings);
            if (configuration.Rank >= ranks)
            {
                _findings.Add(
                    new Finding(
                        Where,
                        $"the rank is {configuration.Rank}, but {plan.Path} has {Words.Count(ranks, "rank")}, which "
                            + "count from 0"
                    )
                );
            }
            else if (plan.Kind == ClusterKind.Ring && plan.Ranks.Count > 1)
            {
                _findings.AddRange(
                    from near in ClusterReader.Neighbourhood(configuration.Rank, plan.Ranks)
                    where !near.IsKnown
                    select new Finding(
                        Where,
                        $"{plan.Path} has port 0 for rank {near.Rank}, but rank {configuration.Rank} needs its address"
                    )
                );
            }

            return ranks;
        }
        catch (ToolException failure)
        {
            _findings.Add(new Finding(Where, failure.Message));
            return null;
        }
    }
}
