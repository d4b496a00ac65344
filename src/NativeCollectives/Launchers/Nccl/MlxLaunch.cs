namespace NativeCollectives;

/// <summary>MLX's launcher.</summary>
internal sealed class MlxLaunch : NcclLaunch
{
    internal MlxLaunch(NcclOptions options, LaunchEnvironment environment)
        : base(options, environment)
    {
        Need(MlxVariables.NcclHost);
        Need(MlxVariables.NcclPort);
        NeedPlace(KnownLauncher.Mlx);
    }

    internal override bool IsMeant =>
        Environment.IsPresent(MlxVariables.NcclHost) || Environment.IsPresent(MlxVariables.NcclPort);

    internal override bool IsMlx => true;

    internal override KeyValuePair<string, string>? ReadAddress() =>
        Rendezvous(
            Environment.Host(MlxVariables.NcclHost, NcclConfiguration.Name)!,
            Environment.Port(MlxVariables.NcclPort, NcclConfiguration.Name)!.Value
        );

    internal override TimeSpan? ReadFormingTimeout() =>
        Environment.Milliseconds(MlxVariables.NcclTimeout, NcclConfiguration.Name);
}
