using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace NativeCollectives.Hosting;

/// <summary>Finds what is wrong with settings before a group is formed by them.</summary>
internal sealed partial class DistributedGroupSettingsValidator : IValidateOptions<DistributedGroupSettings>
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
        if (problems.Length > 0)
        {
            return ValidateOptionsResult.Fail(problems);
        }

        try
        {
            // Decides what group to form, without opening or connecting anything: the same checks in the same words as
            // when it is formed.
            _ = GroupPlan.Make(options.ToGroupOptions(), options.Environment, static _ => null);
            return ValidateOptionsResult.Success;
        }
        catch (Exception exception) when (exception is ArgumentException or CollectiveException)
        {
            string message = exception is ArgumentException { ParamName: not null } argument
                ? argument.Message.Replace($" (Parameter '{argument.ParamName}')", "", StringComparison.Ordinal)
                : exception.Message;
            return ValidateOptionsResult.Fail(WithKeys(message, options.Sources));
        }
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

    // The same message with the configuration's keys, and where their values came from, in place of the options' names.
    private static string WithKeys(string message, IReadOnlyDictionary<string, string> sources)
    {
        Dictionary<string, string> named = [];
        string worded = OptionNames()
            .Replace(
                BothOptions().Replace(message, "${class}.${first} and ${class}.${second} are both set,"),
                match =>
                {
                    string section = match.Groups["section"].Value;
                    string property = match.Groups["property"].Value;
                    string key = section == "DistributedGroup" ? property : $"{section}:{property}";
                    if (!sources.TryGetValue(key, out string? source))
                    {
                        return match.Value;
                    }

                    named[SettingKeys.Whole(key)] = source;
                    return SettingKeys.Whole(key);
                }
            );
        return named.Count == 0
            ? worded
            : $"{worded} {string.Join(" ", named.Select(static pair => $"{pair.Key} comes from: {pair.Value}."))}";
    }

    [GeneratedRegex(@"\b(?<section>Ring|Nccl|Jaccl|DistributedGroup)Options\.(?<property>\w+)")]
    private static partial Regex OptionNames();

    [GeneratedRegex(@"\b(?<class>\w+Options) has both (?<first>\w+) and (?<second>\w+),")]
    private static partial Regex BothOptions();
}
