namespace NativeCollectives;

/// <summary>
/// A way in which ranks learn who they are and where they meet. What is missing is known at once; values are read only
/// if nothing is.
/// </summary>
/// <param name="options">What the program says.</param>
/// <param name="environment">What the process was told.</param>
internal abstract class NcclLaunch(NcclOptions options, LaunchEnvironment environment)
{
    private readonly List<string> _missing = [];
    private readonly List<SettingName> _given = [];
    private KnownLauncher? _launcher;

    /// <summary>The order in which the environment is searched.</summary>
    internal static readonly NcclBootstrap[] InOrder =
    [
        NcclBootstrap.CommId,
        NcclBootstrap.Mlx,
        NcclBootstrap.Torchrun,
        NcclBootstrap.Mistral,
    ];

    /// <summary>What is needed and not there, each by the name to give it under.</summary>
    internal IReadOnlyList<string> Missing => _missing;

    /// <summary>What is needed and there.</summary>
    internal IReadOnlyList<SettingName> Given => _given;

    /// <summary>Whether something is there that means this way and no other.</summary>
    internal virtual bool IsMeant => true;

    /// <summary>Whether the ranks can be MLX's, so that ours do as those do.</summary>
    internal virtual bool IsMlx => false;

    protected NcclOptions Options => options;

    protected LaunchEnvironment Environment => environment;

    /// <summary>The launch of one kind.</summary>
    internal static NcclLaunch Of(NcclBootstrap bootstrap, NcclOptions options, LaunchEnvironment environment) =>
        bootstrap switch
        {
            NcclBootstrap.CommId => new CommIdLaunch(options, environment),
            NcclBootstrap.Mlx => new MlxLaunch(options, environment),
            NcclBootstrap.Torchrun => new TorchrunLaunch(options, environment),
            NcclBootstrap.Mistral => new MistralLaunch(options, environment),
            _ => throw new ArgumentOutOfRangeException(nameof(bootstrap), bootstrap, "There is no such launch."),
        };

    /// <summary>Rank and size.</summary>
    internal virtual NcclPlace ReadPlace()
    {
        bool hasRank = options.Rank is not null;
        bool hasSize = options.Size is not null;
        return new NcclPlace(
            options.Rank ?? environment.Rank(_launcher!.Rank, NcclConfiguration.Name)!.Value,
            hasRank ? null : _launcher!.Rank,
            options.Size ?? environment.Size(_launcher!.Size!, NcclConfiguration.Name)!.Value,
            hasSize ? null : _launcher!.Size
        );
    }

    /// <summary>
    /// The native setting that tells where the ranks meet; <see langword="null"/>: that is not known yet.
    /// </summary>
    internal abstract KeyValuePair<string, string>? ReadAddress();

    /// <summary>
    /// The rank on the own host, by which the device is chosen; <see langword="null"/>: it is not told.
    /// </summary>
    internal virtual int? ReadLocalRank()
    {
        string? variable = Array.Find(KnownLauncher.LocalRanks, environment.IsPresent);
        return variable is null ? null : environment.Rank(variable, NcclConfiguration.Name);
    }

    /// <summary>How long forming the group may take; <see langword="null"/>: it is not told.</summary>
    internal virtual TimeSpan? ReadFormingTimeout() => null;

    protected static KeyValuePair<string, string> Rendezvous(string host, int port) =>
        new("rendezvous", new HostAndPort(host, port).ToString());

    protected static RendezvousException Malformed(string variable, string value, string expected) =>
        LaunchEnvironment.Malformed(variable, value, expected, NcclConfiguration.Name);

    /// <summary>Notes whether a variable is there.</summary>
    protected void Need(string variable)
    {
        if (environment.IsPresent(variable))
        {
            _given.Add(variable);
        }
        else
        {
            _missing.Add(variable);
        }
    }

    protected void NoteGiven(SettingName name) => _given.Add(name);

    protected void NoteMissing(string name) => _missing.Add(name);

    /// <summary>Notes whether rank and size are there: in the options, or in a launcher's variables.</summary>
    protected void NeedPlace(params KnownLauncher[] candidates)
    {
        _launcher = KnownLauncher.Choose(candidates, environment, options.Rank is null, options.Size is null);
        NeedUnless(options.Rank is not null, NcclConfiguration.Rank, _launcher.Rank);
        NeedUnless(options.Size is not null, NcclConfiguration.Size, _launcher.Size!);
    }

    private void NeedUnless(bool isOption, SettingName option, string variable)
    {
        if (isOption)
        {
            NoteGiven(option);
        }
        else
        {
            Need(variable);
        }
    }
}
