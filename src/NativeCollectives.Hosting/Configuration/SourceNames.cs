using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace NativeCollectives.Hosting;

/// <summary>The sources of a configuration, in words.</summary>
internal static partial class SourceNames
{
    internal const string EnvironmentVariable = "environment variable";
    internal const string Default = "default";

    /// <summary>The words for a provider's value of a key.</summary>
    /// <remarks>
    /// Providers are told by their type's name and by what they say of themselves: this library need not reference
    /// every package that has one.
    /// </remarks>
    internal static string Of(IConfigurationProvider provider, string wholeKey)
    {
        string type = provider.GetType().Name;
        switch (type)
        {
            case "EnvironmentVariablesConfigurationProvider":
                string prefix = PrefixIn().Match(provider.ToString() ?? "").Groups["prefix"].Value;
                return $"{EnvironmentVariable} {prefix}{wholeKey.Replace(":", "__", StringComparison.Ordinal)}";
            case "CommandLineConfigurationProvider":
                return "command line";
            case "MemoryConfigurationProvider":
                return "memory";
            default:
                Match file = FileIn().Match(provider.ToString() ?? "");
                return file.Success
                    ? file.Groups["path"].Value
                    : type.Replace("ConfigurationProvider", "", StringComparison.Ordinal);
        }
    }

    // JsonConfigurationProvider for 'appsettings.json' (Optional)
    [GeneratedRegex(@"^\w+ for '(?<path>.+)' \((Optional|Required)\)$")]
    private static partial Regex FileIn();

    [GeneratedRegex(@"Prefix: '(?<prefix>[^']*)'")]
    private static partial Regex PrefixIn();
}
