using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>Groups split from groups.</summary>
internal static partial class SplitScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["split_colors"] = Colors,
            ["split_keys"] = Keys,
            ["split_equal_keys"] = EqualKeys,
            ["split_nested"] = Nested,
            ["split_alone"] = Alone,
            ["split_skip"] = Skip,
            ["split_interleaved"] = Interleaved,
            ["split_parent_disposed"] = ParentDisposed,
            ["split_many"] = Many,
            ["split_async"] = Async,
            ["split_whole"] = Whole,
            ["split_loop"] = Loop,
            ["split_storm"] = Storm,
            ["split_exhausted"] = Exhausted,
        };

    // Who is in a group, by gathering the ranks of the parent.
    private static int[] Members(DistributedGroup group, int rank) => group.AllGather<int>([rank]);

    private static int[] Those(Scenario scenario, Func<int, bool> member) =>
        [.. Enumerable.Range(0, scenario.Size).Where(member)];

    private static void Colors(Scenario scenario)
    {
        foreach (var colors in new[] { 2, 3, 7 })
        {
            // Colors need not be small or dense.
            using var part = scenario.Group.Split(1000 * (scenario.Rank % colors));
            var members = Those(scenario, rank => rank % colors == scenario.Rank % colors);
            Scenario.Same<int>(Members(part, scenario.Rank), members, $"{colors} colors");
            Scenario.True(
                part.Size == members.Length && part.Rank == Array.IndexOf(members, scenario.Rank),
                $"{colors} colors: rank and size"
            );

            float[] sum = [scenario.Rank, 1];
            part.AllSum<float>(sum);
            Scenario.Same<float>(sum, [members.Sum(), members.Length], $"{colors} colors: sum");
        }
    }

    // Keys against the order of the ranks.
    private static void Keys(Scenario scenario)
    {
        using var reversed = scenario.Group.Split(0, scenario.Size - scenario.Rank);
        Scenario.Same<int>(
            Members(reversed, scenario.Rank),
            [.. Enumerable.Range(0, scenario.Size).Reverse()],
            "reversed"
        );

        // odd ranks first
        using var sorted = scenario.Group.Split(0, (scenario.Rank + 1) % 2);
        Scenario.Same<int>(
            Members(sorted, scenario.Rank),
            [.. Enumerable.Range(0, scenario.Size).OrderBy(rank => (rank + 1) % 2).ThenBy(rank => rank)],
            "odd first"
        );

        // send to the right in the new order
        var right = (reversed.Rank + 1) % reversed.Size;
        var left = (reversed.Rank + reversed.Size - 1) % reversed.Size;
        if (reversed.Size > 1)
        {
            // One after the other: a backend may let a send last until it is received.
            var received = new int[1];
            if (reversed.Rank < left)
            {
                reversed.Send<int>([scenario.Rank], right);
                reversed.Receive<int>(received, left);
            }
            else
            {
                reversed.Receive<int>(received, left);
                reversed.Send<int>([scenario.Rank], right);
            }
            Scenario.True(received[0] == (scenario.Rank + 1) % scenario.Size, $"from the left came {received[0]}");
        }
    }

    private static void EqualKeys(Scenario scenario)
    {
        using var same = scenario.Group.Split(5, 17);
        Scenario.Same<int>(Members(same, scenario.Rank), Those(scenario, _ => true), "equal keys: order of the ranks");
        using var negative = scenario.Group.Split(5, -1);
        Scenario.Same<int>(
            Members(negative, scenario.Rank),
            Those(scenario, _ => true),
            "negative key: order of the ranks"
        );
    }

    private static void Nested(Scenario scenario)
    {
        using var half = scenario.Group.Split(scenario.Rank % 2);
        using var quarter = half.Split(half.Rank % 2, half.Size - half.Rank);
        int[] members =
        [
            .. Those(scenario, rank => rank % 2 == scenario.Rank % 2 && rank / 2 % 2 == scenario.Rank / 2 % 2)
                .Reverse(),
        ];
        Scenario.Same<int>(Members(quarter, scenario.Rank), members, "members of the quarter");
        Scenario.Same<int>(
            Members(half, scenario.Rank),
            Those(scenario, rank => rank % 2 == scenario.Rank % 2),
            "members of the half"
        );
        Scenario.Same<int>(Members(scenario.Group, scenario.Rank), Those(scenario, _ => true), "members of the whole");
    }

    private static void Alone(Scenario scenario)
    {
        using var alone = scenario.Group.Split(scenario.Rank);
        Scenario.True(alone.Size == 1 && alone.Rank == 0, "a group of one");
        float[] value = [3.5f];
        alone.AllSum<float>(value);
        Scenario.True(value[0] == 3.5f, "the identity");
        alone.Barrier();
        using var again = alone.Split(0);
        Scenario.True(again.Size == 1, "a group of one, split");
    }

    // The last rank stays outside.
    private static void Skip(Scenario scenario)
    {
        if (scenario.Rank == scenario.Size - 1)
        {
            scenario.Group.SkipSplit();
        }
        else
        {
            using var others = scenario.Group.Split(0);
            Scenario.True(others.Size == scenario.Size - 1, $"size {others.Size}");
            Scenario.Same<int>(
                Members(others, scenario.Rank),
                Those(scenario, rank => rank < scenario.Size - 1),
                "without the last"
            );
        }
        scenario.Group.Barrier();

        // everybody outside
        scenario.Group.SkipSplit();
        scenario.Group.Barrier();
    }

    // Collectives on parent and children in turn, and at the same time from two threads.
    private static void Interleaved(Scenario scenario)
    {
        using var half = scenario.Group.Split(scenario.Rank % 2);
        for (var round = 0; round < 50; round++)
        {
            int[] whole = [round];
            int[] part = [scenario.Rank];
            scenario.Group.AllSum<int>(whole);
            half.AllSum<int>(part);
            Scenario.True(whole[0] == round * scenario.Size, $"whole in round {round}: {whole[0]}");
            Scenario.True(
                part[0] == Those(scenario, rank => rank % 2 == scenario.Rank % 2).Sum(),
                $"part in round {round}: {part[0]}"
            );
        }

        var other = Task.Run(() =>
        {
            for (var round = 0; round < 200; round++)
            {
                var part = Enumerable.Repeat(round + 1, 1 + (round * 7 % 500)).ToArray();
                half.AllSum<int>(part);
                Scenario.True(
                    part.All(value => value == (round + 1) * half.Size),
                    $"part in round {round} of the thread"
                );
            }
        });
        for (var round = 0; round < 200; round++)
        {
            var whole = Enumerable.Repeat(round + 1, 1 + (round * 11 % 700)).ToArray();
            scenario.Group.AllSum<int>(whole);
            Scenario.True(
                whole.All(value => value == (round + 1) * scenario.Size),
                $"whole in round {round} beside the thread"
            );
        }
        other.GetAwaiter().GetResult();
    }

    // A child outlives the group that it was split from; the scenario's own group stays.
    private static void ParentDisposed(Scenario scenario)
    {
        var parent = scenario.Group.Split(0);
        using var child = parent.Split(scenario.Rank % 2);
        parent.Dispose();
        int[] sum = [1];
        child.AllSum<int>(sum);
        Scenario.True(sum[0] == child.Size, $"sum in the child: {sum[0]}");
        Scenario.Throws<ObjectDisposedException>(() => parent.Barrier(), "the disposed parent");
    }

    private static void Many(Scenario scenario)
    {
        for (var round = 0; round < 20; round++)
        {
            using var part = scenario.Group.Split((scenario.Rank + round) % 3);
            int[] sum = [1];
            part.AllSum<int>(sum);
            Scenario.True(sum[0] == part.Size, $"round {round}: {sum[0]}");
        }
    }

    private static void Async(Scenario scenario)
    {
        int[] before = [1];
        int[] after = [2];
        var first = scenario.Group.AllSumAsync<int>(before);
        var split = scenario.Group.SplitAsync(scenario.Rank % 2);
        var last = scenario.Group.AllSumAsync<int>(after);
        Task.WaitAll(first, split, last);
        using var part = split.Result;
        Scenario.True(before[0] == scenario.Size && after[0] == 2 * scenario.Size, "sums around the split");
        Scenario.Same<int>(
            Members(part, scenario.Rank),
            Those(scenario, rank => rank % 2 == scenario.Rank % 2),
            "members"
        );
    }

    private static void Whole(Scenario scenario)
    {
        using var copy = scenario.Group.Split(0);
        Scenario.True(copy.Size == scenario.Size && copy.Rank == scenario.Rank, "rank and size of the copy");
        var values = Enumerable.Range(0, 300_000).ToArray();
        copy.AllSum<int>(values);
        Scenario.True(!values.Where((value, i) => value != i * scenario.Size).Any(), "sum over the copy");
    }

    // Until something ends it: a group of all, split once more.
    private static void Loop(Scenario scenario)
    {
        using var copy = scenario.Group.Split(0, scenario.Size - scenario.Rank);
        for (var round = 0; ; round++)
        {
            copy.AllSum<int>(new int[1000]);
            if (round == 20)
            {
                scenario.Announce();
            }
        }
    }

    // Until something ends it: nothing but splits.
    private static void Storm(Scenario scenario)
    {
        for (var round = 0; ; round++)
        {
            using var part = scenario.Group.Split(
                round % 3 == 0 ? scenario.Rank % 2 : 0,
                round % 2 == 0 ? -1 : scenario.Size - scenario.Rank
            );
            if (round == 3)
            {
                scenario.Announce();
            }
        }
    }

    // Rank 0 runs out of descriptors. Every rank is told, and the group goes on.
    private static void Exhausted(Scenario scenario)
    {
        var parts = new List<DistributedGroup>();
        var before = default(FileLimit);
        if (scenario.Rank == 0)
        {
            Scenario.True(GetFileLimit(FileLimit.Files, ref before) == 0, "getrlimit");
            // Room for some splits; .NET needs a descriptor now and then.
            var open = Directory.GetFileSystemEntries("/proc/self/fd").Length;
            var low = new FileLimit { Current = (nuint)open + 40, Most = before.Most };
            Scenario.True(SetFileLimit(FileLimit.Files, ref low) == 0, "setrlimit");
        }
        RendezvousException? failure = null;
        while (failure is null && parts.Count < 200)
        {
            try
            {
                parts.Add(scenario.Group.Split(0));
            }
            catch (RendezvousException exception)
            {
                failure = exception;
            }
        }
        if (scenario.Rank == 0)
        {
            Scenario.True(SetFileLimit(FileLimit.Files, ref before) == 0, "setrlimit, back");
        }
        parts.ForEach(part => part.Dispose());
        Scenario.True(failure is not null, "there were descriptors enough");
        Scenario.True(!scenario.Group.IsFaulted, $"the group is faulted: {failure!.Message}");
        scenario.Group.Barrier();
        int[] sum = [1];
        scenario.Group.AllSum<int>(sum);
        Scenario.True(sum[0] == scenario.Size, $"sum after it: {sum[0]}");
        using var again = scenario.Group.Split(0);
        again.Barrier();
        scenario.Data["splits"] = $"{parts.Count}";
        scenario.Data["failure"] = failure.Message;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FileLimit
    {
        internal const int Files = 7; // RLIMIT_NOFILE of Linux

        internal nuint Current;
        internal nuint Most;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetFileLimit(int resource, ref FileLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetFileLimit(int resource, ref FileLimit limit);
}
