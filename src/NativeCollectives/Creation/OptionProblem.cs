using System.Globalization;

namespace NativeCollectives;

/// <summary>
/// Something that is wrong with a setting, as data. The texts of exceptions, and those of a host, are made of it.
/// </summary>
/// <param name="Settings">The setting; or several, if their values contradict each other.</param>
/// <param name="Value">The value, as it is shown.</param>
/// <param name="Expected">
/// What it should be, as the end of a sentence. Other settings that it names are arguments of it.
/// </param>
internal sealed record OptionProblem(IReadOnlyList<SettingName> Settings, string Value, FormattableString Expected)
{
    internal OptionProblem(SettingName setting, string value, FormattableString expected)
        : this([setting], value, expected) { }

    /// <summary>The problem of settings that exclude each other.</summary>
    internal static OptionProblem Exclusive(IReadOnlyList<SettingName> settings, string what) =>
        new(settings, settings.Count == 2 ? "both set" : "all set", $"only one of them can tell {what}");

    /// <summary>The problem in one sentence.</summary>
    /// <param name="nameOf">How settings are called.</param>
    internal string Describe(Func<SettingName, string> nameOf)
    {
        string settings = string.Join(" and ", Settings.Select(Named));
        string expected = string.Format(
            CultureInfo.InvariantCulture,
            Expected.Format,
            [.. Expected.GetArguments().Select(argument => argument is SettingName name ? Named(name) : argument)]
        );
        string article = Settings[0].IsVariable ? "The" : "";
        return $"{article}{settings[(article.Length)..]} {(Settings.Count == 1 ? "is" : "are")} {Value}, but {expected}.";

        string Named(SettingName name) => name.IsVariable ? $"the environment variable {name}" : nameOf(name);
    }

    /// <summary>What is thrown because of it: the environment's mistakes are no mistakes of the caller's.</summary>
    /// <param name="nameOf">How settings are called.</param>
    /// <param name="backend">The backend that is configured; empty: none yet.</param>
    /// <param name="rank">The own rank, if it is known.</param>
    internal Exception ToException(Func<SettingName, string> nameOf, string backend = "", int rank = -1)
    {
        bool isEnvironment =
            Settings.Any(static name => name.IsVariable)
            || Expected.GetArguments().Any(static argument => argument is SettingName { IsVariable: true });
        return isEnvironment
            ? new RendezvousException(Describe(nameOf)) { Backend = backend, Rank = rank }
            : new ArgumentException(Describe(nameOf), "options");
    }
}
