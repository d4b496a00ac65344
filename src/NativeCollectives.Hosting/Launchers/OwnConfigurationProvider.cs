namespace NativeCollectives.Hosting;

/// <summary>This library's own <c>NC_BACKEND</c>, which names the backend.</summary>
internal sealed class OwnConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "NativeCollectives", precedence: 9)
{
    protected override void Map()
    {
        try
        {
            if (OwnVariables.ReadBackend(Environment) is { } backend)
            {
                Set(SettingKeys.Backend, BackendNames.Of(backend), OwnVariables.Backend);
            }
        }
        catch (RendezvousException malformed)
        {
            Refuse(SettingKeys.Backend, malformed.Message);
        }
    }
}
