namespace NativeCollectives.Worker;

/// <summary>What the ranks of a group do together, each of them the same; found by name.</summary>
internal static class Scenarios
{
    private static readonly Dictionary<string, Action<Scenario>> _all = new Dictionary<string, Action<Scenario>>[]
    {
        UpstreamScenarios.All,
        SplitScenarios.All,
        AsyncScenarios.All,
        FormScenarios.All,
        LoadScenarios.All,
        DeviceScenarios.All,
        NumberScenarios.All,
        ExchangeScenarios.All,
        ObjectScenarios.All,
        SurfaceScenarios.All,
    }
        .SelectMany(some => some)
        .ToDictionary();

    public static Action<Scenario> Find(string name) =>
        _all.TryGetValue(name, out var scenario) ? scenario : throw new ArgumentException($"unknown scenario {name}");
}
