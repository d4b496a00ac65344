using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using NativeCollectives.Hosting;

namespace NativeCollectives.Tests.Hosting;

/// <summary>
/// Configurations of values in memory, below the section of the library, and of launchers' variables.
/// </summary>
internal static class Configurations
{
    public static IConfigurationRoot Of(params (string Key, string? Value)[] settings) => Of([], settings);

    public static IConfigurationRoot Of(
        (string Name, string Value)[] variables,
        params (string Key, string? Value)[] settings
    ) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(
                settings.Select(setting => KeyValuePair.Create($"NativeCollectives:{setting.Key}", setting.Value))
            )
            .AddLauncherEnvironment(LookUp(variables))
            .Build();

    public static Func<string, string?> LookUp(params (string Name, string Value)[] variables) =>
        name => Array.Find(variables, variable => variable.Name == name).Value;

    /// <summary>The sentences of what is wrong.</summary>
    public static string[] FaultsOf(IConfiguration configuration) =>
        [.. Assert.Throws<OptionsValidationException>(() => DistributedGroupSettings.From(configuration))!.Failures];

    /// <summary>The one sentence of what is wrong.</summary>
    public static string FaultOf(IConfiguration configuration)
    {
        var faults = FaultsOf(configuration);
        Assert.That(faults, Has.Length.EqualTo(1), string.Join('\n', faults));
        return faults[0];
    }
}
