using Microsoft.Extensions.Options;

namespace NativeCollectives.Hosting;

/// <summary>Finds what is wrong with settings before a group is formed by them.</summary>
internal sealed class DistributedGroupSettingsValidator : IValidateOptions<DistributedGroupSettings>
{
    public ValidateOptionsResult Validate(string? name, DistributedGroupSettings options)
    {
        BackendKind? chosen = options.Problems.Any(static problem => problem.LauncherKey is not null)
            ? Chosen(options)
            : null;
        string[] problems =
        [
            .. options
                .Problems.Where(problem => !problem.IsOverruledBy(options, chosen))
                .Select(static problem => problem.Text),
        ];
        if (problems.Length == 0)
        {
            problems = [.. ProblemsOf(options)];
        }

        return problems.Length > 0 ? ValidateOptionsResult.Fail(problems) : ValidateOptionsResult.Success;
    }

    // The same checks as when the group is formed, without opening or connecting anything.
    private static IEnumerable<string> ProblemsOf(DistributedGroupSettings settings)
    {
        DistributedGroupOptions options = settings.ToGroupOptions();
        var names = new ConfiguredNames(settings);
        options.Naming = names.Of;
        try
        {
            IReadOnlyList<OptionProblem> problems = GroupPlan.Problems(options, settings.Environment);
            if (problems.Count > 0)
            {
                return Texts(problems);
            }

            _ = GroupPlan.Make(options, settings.Environment, static _ => null);
            return [];
        }
        catch (CollectiveException exception)
        {
            return [names.WithSources(exception.Message)];
        }
        catch (ArgumentException)
        {
            // NC_BACKEND names a backend that is not configured: whether another one is counts too.
            return Texts(BackendNames.InOrder.SelectMany(backend => BackendConfiguration.Problems(backend, options)));
        }

        string[] Texts(IEnumerable<OptionProblem> problems) =>
            [.. problems.Select(problem => names.WithSources(problem.Describe(options.NameOf)))];
    }

    // The backend that would be taken; null: none, or something is wrong with it. A launcher's mistake does not end a
    // program that is configured otherwise.
    private static BackendKind? Chosen(DistributedGroupSettings options)
    {
        try
        {
            return GroupPlan
                .Make(options.ToGroupOptions(), options.Environment, static _ => null)
                .Configuration?.Backend;
        }
        catch (Exception exception) when (exception is ArgumentException or CollectiveException)
        {
            return null;
        }
    }

    /// <summary>Calls settings by their keys, and remembers which keys a text has named.</summary>
    private sealed class ConfiguredNames(DistributedGroupSettings settings)
    {
        // In the order in which they were named.
        private readonly OrderedDictionary<string, string> _sources = [];

        internal string Of(SettingName setting)
        {
            string name = settings.NameOf(setting);
            if (settings.Sources.TryGetValue(setting.Property, out string? source))
            {
                _sources[name] = source;
            }

            return name;
        }

        /// <summary>A text, followed by where the values came from whose keys it names.</summary>
        internal string WithSources(string text)
        {
            string[] sources = [.. _sources.Select(static named => $"{named.Key} comes from: {named.Value}.")];
            _sources.Clear();
            return string.Join(' ', [text, .. sources]);
        }
    }
}
