using Microsoft.Extensions.Configuration;

namespace NativeCollectives.Hosting;

/// <summary>Maps one launcher's environment variables onto the section <c>NativeCollectives</c>.</summary>
/// <remarks>
/// Values go in as they are; whether they are well-formed is found out where all settings are, so that no launcher's
/// mistake ends a program that is configured otherwise. What cannot be mapped at all is a problem, in place of the
/// value of its key.
/// </remarks>
internal abstract class LauncherConfigurationProvider : ConfigurationProvider
{
    private readonly Dictionary<string, string> _sources = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _problems = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="variables">The variables.</param>
    /// <param name="name">The launcher's name.</param>
    /// <param name="precedence">The launcher with the greatest number comes first.</param>
    protected LauncherConfigurationProvider(LauncherVariables variables, string name, int precedence)
    {
        Variables = variables;
        Name = name;
        Precedence = precedence;
    }

    internal string Name { get; }

    internal int Precedence { get; }

    internal LaunchEnvironment Environment => Variables.Environment;

    /// <summary>What is wrong, by the key below the section that has no value because of it.</summary>
    internal IReadOnlyDictionary<string, string> Problems => _problems;

    protected LauncherVariables Variables { get; }

    /// <summary>Where the value of a key came from, in words.</summary>
    internal string SourceOf(string key) => _sources.TryGetValue(key, out string? source) ? source : Name;

    public sealed override void Load()
    {
        Data.Clear();
        _sources.Clear();
        _problems.Clear();
        Map();
    }

    public override string ToString() => $"Environment of {Name}";

    /// <summary>Calls <see cref="Set"/> and <see cref="Refuse"/>.</summary>
    protected abstract void Map();

    /// <summary>Gives a key, below the section, a value.</summary>
    protected void Set(string key, string? value, params IReadOnlyCollection<string> variables)
    {
        if (value is null)
        {
            return;
        }

        Data[SettingKeys.Whole(key)] = value;
        _sources[key] =
            $"{SourceNames.EnvironmentVariable}{(variables.Count == 1 ? "" : "s")} {string.Join(", ", variables)} "
            + $"({Name})";
    }

    /// <summary>
    /// Gives the ring and JACCL a rank, which is all that they need of a launcher whose hosts are configured.
    /// </summary>
    protected void SetRank(string variable)
    {
        Set(SettingKeys.RingRank, Variables[variable], variable);
        Set(SettingKeys.JacclRank, Variables[variable], variable);
    }

    /// <summary>Gives NCCL's settings what the environment says, if it says so by this launcher.</summary>
    /// <param name="launcher">
    /// The launcher, whose rank and size count where no launcher is complete; <see langword="null"/>: it tells none.
    /// </param>
    /// <param name="bootstraps">The ways to meet that are this launcher's.</param>
    protected void SetNccl(KnownLauncher? launcher, params NcclBootstrap[] bootstraps)
    {
        NcclSelection nccl = Variables.Nccl;
        if (nccl.Bootstrap is { } bootstrap)
        {
            if (Array.IndexOf(bootstraps, bootstrap) >= 0)
            {
                nccl.WriteTo(Set);
            }
        }
        else if (launcher is not null && launcher == nccl.Launcher)
        {
            Set(SettingKeys.NcclRank, Variables[launcher.Rank], launcher.Rank);
            Set(SettingKeys.NcclSize, Variables[launcher.Size!], launcher.Size!);
        }
    }

    /// <summary>Notes that a key can have no value, and why.</summary>
    protected void Refuse(string key, string problem) => _problems[key] = problem;
}
