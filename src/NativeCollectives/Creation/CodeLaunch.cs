namespace NativeCollectives;

/// <summary>The options say where the ranks meet, or that there is only one.</summary>
internal sealed class CodeLaunch : NcclLaunch
{
    internal CodeLaunch(NcclOptions options, LaunchEnvironment environment, NcclBootstrap bootstrap)
        : base(options, environment)
    {
        IsMlx = bootstrap == NcclBootstrap.Mlx;
        if (Address(options) is { } address)
        {
            NoteGiven(address);
        }

        if (options.BootstrapGroup is null && options.Size != 1)
        {
            NeedPlace(IsMlx ? [KnownLauncher.Mlx] : KnownLauncher.WithSize);
        }
    }

    internal override bool IsMlx { get; }

    /// <summary>Whether the environment need not tell where the ranks meet.</summary>
    internal static bool IsMeantBy(NcclOptions options) => HasAddress(options) || options.Size == 1;

    /// <summary>Whether the options say where the ranks meet.</summary>
    internal static bool HasAddress(NcclOptions options) => Address(options) is not null;

    internal override NcclPlace ReadPlace() =>
        Options.BootstrapGroup is { } group ? new NcclPlace(group.Rank, null, group.Size, null)
        : Options.Size == 1 ? new NcclPlace(Options.Rank ?? 0, null, 1, null)
        : base.ReadPlace();

    internal override KeyValuePair<string, string>? ReadAddress() =>
        Options.UniqueId is { } id ? new("id", id.ToString())
        : Options.Rendezvous is { } rendezvous ? new("rendezvous", HostAndPort.Parse(rendezvous)!.Value.ToString())
        : null;

    private static SettingName? Address(NcclOptions options) =>
        options.UniqueId is not null ? NcclConfiguration.UniqueId
        : options.BootstrapGroup is not null ? NcclConfiguration.BootstrapGroup
        : options.Rendezvous is not null ? NcclConfiguration.Rendezvous
        : null;
}
