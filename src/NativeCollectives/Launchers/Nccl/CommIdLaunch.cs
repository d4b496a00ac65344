namespace NativeCollectives;

/// <summary>NCCL itself is told where rank 0 listens.</summary>
internal sealed class CommIdLaunch : NcclLaunch
{
    internal const string Variable = "NCCL_COMM_ID";

    internal CommIdLaunch(NcclOptions options, LaunchEnvironment environment)
        : base(options, environment)
    {
        Need(Variable);
        NeedPlace(KnownLauncher.WithSize);
    }

    internal override bool IsMeant => Environment.IsPresent(Variable);

    internal override KeyValuePair<string, string>? ReadAddress()
    {
        _ = Environment.Address(Variable, NcclConfiguration.Name);
        return new("comm_id", "environment");
    }
}
