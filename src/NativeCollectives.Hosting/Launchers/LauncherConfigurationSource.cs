using Microsoft.Extensions.Configuration;

namespace NativeCollectives.Hosting;

/// <summary>One launcher's variables as a source of configuration.</summary>
/// <param name="variables">The variables.</param>
/// <param name="create">Makes the launcher's provider.</param>
internal sealed class LauncherConfigurationSource(
    LauncherVariables variables,
    Func<LauncherVariables, LauncherConfigurationProvider> create
) : IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => create(variables);
}
