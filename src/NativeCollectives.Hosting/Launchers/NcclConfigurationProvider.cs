namespace NativeCollectives.Hosting;

/// <summary>
/// NCCL's own <c>NCCL_COMM_ID</c>, and what is wrong with the variables by which NCCL's ranks are to meet, whosever
/// they are.
/// </summary>
internal sealed class NcclConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "NCCL", precedence: 7)
{
    protected override void Map()
    {
        SetNccl(null, NcclBootstrap.CommId);
        if (Variables.Nccl.Problem is { } problem)
        {
            Refuse(SettingKeys.NcclBootstrap, problem);
        }
    }
}
