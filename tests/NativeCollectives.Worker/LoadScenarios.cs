using System.Diagnostics;
using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>Large operations, and what waiting costs.</summary>
internal static class LoadScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["many_slices"] = ManySlices,
            ["send_before_receive"] = SendBeforeReceive,
            ["idle"] = Idle,
            ["wait_for_slow_peer"] = WaitForSlowPeer,
            ["two_groups"] = TwoGroups,
            ["check"] = Check,
        };

    // Enough for all slices, a few elements more than evenly many; both gathers that cut elements in two and sends that
    // use every connection.
    private static void ManySlices(Scenario scenario)
    {
        var wrong = new List<string>();
        var sockets = Math.Max(1, scenario.Command.Sockets);
        var rules = BackendRules.Of(scenario.Command);
        var bytes = 2 * sockets * scenario.Size * 262144;
        foreach (
            var (operation, type, count) in new[]
            {
                ("AllReduce.Sum", nameof(Single), (bytes / 4) + 17),
                ("AllReduce.Sum", nameof(BFloat16), (bytes / 2) - 1),
                ("AllReduce.Max", nameof(Double), (bytes / 8) + 1),
                ("AllGather", nameof(Single), (2 * sockets * 262144 / 4) + 3),
                ("AllGather", nameof(Byte), (2 * sockets * 262144) - 1),
                ("ReduceScatter.Sum", nameof(Int32), 300_007),
                ("AllToAll", nameof(Int16), 200_003),
                ("Broadcast", nameof(UInt16), 1_500_001),
                ("SendReceive", nameof(Int64), 400_009),
            }
        )
        {
            if (scenario.Size > 1 || operation != "SendReceive")
            {
                OperationPlan.RunCase(
                    scenario.Group,
                    rules,
                    new OperationCase(operation, type, count, CallForm.Separate, 0),
                    scenario.Command.Seed,
                    wrong
                );
            }
        }
        Scenario.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    // MLX's ring deadlocks here.
    private static void SendBeforeReceive(Scenario scenario)
    {
        const int Length = 16 << 20;
        var right = (scenario.Rank + 1) % scenario.Size;
        var left = (scenario.Rank + scenario.Size - 1) % scenario.Size;
        var mine = new byte[Length];
        var theirs = new byte[Length];
        for (var i = 0; i < Length; i++)
        {
            mine[i] = (byte)((i * 31) + (i >> 12) + scenario.Rank);
        }
        scenario.Group.Send<byte>(mine, right);
        scenario.Group.Receive<byte>(theirs, left);
        for (var i = 0; i < Length; i++)
        {
            if (theirs[i] != (byte)((i * 31) + (i >> 12) + left))
            {
                throw new ScenarioException($"byte {i} from the left neighbour");
            }
        }
    }

    // Nothing is under way: what does the group use in a second?
    private static void Idle(Scenario scenario)
    {
        scenario.Group.Barrier();
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        Thread.Sleep(1000); // the second that is measured
        process.Refresh();
        scenario.Data["processor"] = (process.TotalProcessorTime - before).TotalMilliseconds.ToString(
            CultureInfo.InvariantCulture
        );
    }

    // Rank 0 comes a second and a half late.
    private static void WaitForSlowPeer(Scenario scenario)
    {
        scenario.Group.Barrier();
        if (scenario.Rank == 0)
        {
            Thread.Sleep(1500); // what makes it slow
        }
        using var process = Process.GetCurrentProcess();
        var (before, clock) = (process.TotalProcessorTime, Stopwatch.StartNew());
        scenario.Group.AllSum<float>(new float[100_000]);
        process.Refresh();
        scenario.Data["processor"] = (process.TotalProcessorTime - before).TotalMilliseconds.ToString(
            CultureInfo.InvariantCulture
        );
        scenario.Data["waited"] = clock.Elapsed.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
    }

    // The test runs this on two groups of the same processes at once; each has its own counts and its own order.
    private static void TwoGroups(Scenario scenario)
    {
        var seed = (int)scenario.Command.Seed;
        for (var round = 0; round < 300; round++)
        {
            var values = Enumerable.Range(seed, 1 + (((round * seed) + round) % 3000)).ToArray();
            scenario.Group.AllSum<int>(values);
            Scenario.True(
                !values.Where((value, i) => value != (seed + i) * scenario.Size).Any(),
                $"round {round} of the group with seed {seed}"
            );
            var gathered = scenario.Group.AllGather<int>([(seed * 100) + scenario.Rank]);
            Scenario.Same<int>(
                gathered,
                Enumerable.Range(seed * 100, scenario.Size).ToArray(),
                $"gather in round {round}"
            );
        }
    }

    // A group that works.
    private static void Check(Scenario scenario)
    {
        var values = Enumerable.Range(0, 1000).ToArray();
        scenario.Group.AllSum<int>(values);
        Scenario.True(!values.Where((value, i) => value != i * scenario.Size).Any(), "the sum");
        Scenario.Same<int>(
            scenario.Group.AllGather<int>([scenario.Rank]),
            Enumerable.Range(0, scenario.Size).ToArray(),
            "the gather"
        );
    }
}
