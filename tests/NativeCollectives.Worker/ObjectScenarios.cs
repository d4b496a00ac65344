using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeCollectives.Worker;

/// <summary>Objects of the program's own types.</summary>
internal static partial class ObjectScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["objects"] = Everywhere,
            ["object_messages"] = Messages,
            ["objects_that_cannot_be_serialized"] = NotSerialized,
        };

    internal sealed record Settings(string Name, int Rank, double[] Rates, Settings? Next = null);

    [JsonSerializable(typeof(Settings))]
    private sealed partial class Context : JsonSerializerContext;

    private static Settings Of(int rank) =>
        new(
            $"rank {rank}: ü€",
            rank,
            [.. Enumerable.Range(0, rank * 1000).Select(i => i / 4.0)],
            new("next", -rank, [])
        );

    private static void Same(Settings? actual, int rank, string what) =>
        Scenario.True(JsonSerializer.Serialize(actual) == JsonSerializer.Serialize(Of(rank)), $"{what}: {actual}");

    private static void Everywhere(Scenario scenario)
    {
        var group = scenario.Group;
        var last = scenario.Size - 1;
        var own = Of(scenario.Rank);
        Same(group.BroadcastObject(scenario.Rank == last ? own : null, last), last, "broadcast");
        Same(
            group.BroadcastObjectAsync(scenario.Rank == 0 ? own : null, 0, Context.Default.Settings).Result,
            0,
            "broadcast, asynchronously, without reflection"
        );
        All(group.AllGatherObject(own), "all-gather");
        All(group.AllGatherObjectAsync(own, Context.Default.Settings).Result, "all-gather, asynchronously");
        All(group.GatherObject(own, last), "gather", last);
        All(group.GatherObjectAsync(own, 0).Result, "gather, asynchronously", 0);
        Settings[]? each = scenario.Rank == 0 ? [.. Enumerable.Range(0, scenario.Size).Select(Of)] : null;
        Same(group.ScatterObject(each, 0), scenario.Rank, "scatter");
        Same(
            group.ScatterObjectAsync(each, 0, Context.Default.Settings).Result,
            scenario.Rank,
            "scatter, asynchronously"
        );
        Scenario.True(group.BroadcastObject<string?>(null, 0) is null, "null is an object");
        group.Barrier();

        void All(Settings[]? all, string what, int? root = null)
        {
            Scenario.True(all is null == (root is { } one && one != scenario.Rank), $"{what}: who gets them");
            for (var rank = 0; all is not null && rank < scenario.Size; rank++)
            {
                Same(all[rank], rank, what);
            }
        }
    }

    private static void Messages(Scenario scenario)
    {
        var right = (scenario.Rank + 1) % scenario.Size;
        var left = (scenario.Rank + scenario.Size - 1) % scenario.Size;
        if (scenario.Rank == 0)
        {
            scenario.Group.SendObject(Of(0), right);
            Same(scenario.Group.ReceiveObjectAsync<Settings>(left).Result, scenario.Size - 1, "came around");
        }
        else
        {
            Same(scenario.Group.ReceiveObject(left, Context.Default.Settings), left, "from the left");
            scenario.Group.SendObjectAsync(Of(scenario.Rank), right, Context.Default.Settings).Wait();
        }
    }

    private sealed class Unwilling
    {
        public int Value => throw new InvalidOperationException("it does not want to");
    }

    private static void NotSerialized(Scenario scenario)
    {
        var group = scenario.Group;
        // The one that fails is another rank each time.
        object Value(int bad) => scenario.Rank == bad ? new Unwilling() : new { scenario.Rank };
        Refused(0, () => group.BroadcastObject(Value(0), 0), "it does not want to");
        Refused(1, () => group.AllGatherObject(Value(1)), "it does not want to");
        Refused(1, () => group.GatherObject(Value(1), 0), "it does not want to");
        Refused(
            0,
            () =>
                group.ScatterObject<object>(
                    scenario.Rank == 0
                        ?
                        [
                            .. Enumerable
                                .Range(0, scenario.Size)
                                .Select(rank => rank == 1 ? new Unwilling() : new object()),
                        ]
                        : null,
                    0
                ),
            "it does not want to"
        );
        Refused(
            1,
            () => group.AllGatherObject(new string('x', scenario.Rank == 1 ? 200 : 1), limit: 100),
            "the limit of 100"
        );
        if (scenario.Rank == 0)
        {
            Refused(0, () => group.SendObject<object>(new Unwilling(), 1), "it does not want to");
        }
        else if (scenario.Rank == 1)
        {
            Refused(0, () => group.ReceiveObject<object>(0), "it does not want to");
        }
        // They are still in step.
        group.Barrier();
        Scenario.Same<int>(group.AllGather<int>([scenario.Rank]), [.. Enumerable.Range(0, scenario.Size)], "in step");

        void Refused(int rank, Action action, string reason)
        {
            try
            {
                action();
            }
            catch (ObjectSerializationException failure)
            {
                Scenario.True(failure.Rank == rank && failure.Message.Contains(reason), failure.Message);
                Scenario.True(
                    scenario.Rank != rank || reason[0] != 'i' || failure.InnerException is InvalidOperationException,
                    "the cause is known where it was"
                );
                return;
            }
            throw new ScenarioException($"{reason}: no ObjectSerializationException");
        }
    }
}
