namespace NativeCollectives;

/// <summary>MLX's launcher.</summary>
internal sealed class MlxLaunch : NcclLaunch
{
    private const string Host = "NCCL_HOST_IP";
    private const string Port = "NCCL_PORT";
    private const string FormingTimeout = "MLX_NCCL_TIMEOUT";

    internal MlxLaunch(NcclOptions options, LaunchEnvironment environment)
        : base(options, environment)
    {
        Need(Host);
        Need(Port);
        NeedPlace(RankVariables.Mlx);
    }

    internal override bool IsMeant => Environment.IsPresent(Host) || Environment.IsPresent(Port);

    internal override bool IsMlx => true;

    internal override KeyValuePair<string, string>? ReadAddress() =>
        Rendezvous(
            Environment.Host(Host, NcclConfiguration.Name)!,
            Environment.Port(Port, NcclConfiguration.Name)!.Value
        );

    internal override TimeSpan? ReadFormingTimeout() =>
        Environment.Milliseconds(FormingTimeout, NcclConfiguration.Name);
}
