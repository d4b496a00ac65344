using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Ring;

/// <summary>
/// Scenarios that several ranks play together; they leave the ring as it was, so those of equal shape share one.
/// </summary>
[Category("Ring")]
public sealed class RingScenarioTests
{
    private readonly SharedRanks<(int Size, int Sockets), LocalRing> _ranks = new(shape => new LocalRing(
        shape.Size,
        shape.Sockets
    ));

    [OneTimeTearDown]
    public void End() => _ranks.Dispose();

    // upstream, by name
    [TestCase("test_all_reduce", 8, 1)]
    [TestCase("test_all_reduce", 4, 2)]
    [TestCase("test_all_reduce_extra", 8, 1)]
    [TestCase("test_all_reduce_extra", 4, 2)]
    [TestCase("test_all_gather", 8, 1)]
    [TestCase("test_send_recv", 8, 1)]
    [TestCase("test_send_recv", 4, 2)]
    [TestCase("test_send_recv", 3, 1)]
    [TestCase("test_groups", 8, 1)]
    [TestCase("test_groups", 5, 1)]
    [TestCase("test_all_reduce_split", 8, 1)]
    [TestCase("test_all_gather_split", 8, 1)]
    [TestCase("test_mixed", 8, 1)]
    [TestCase("test_mixed", 4, 2)]
    [TestCase("test_send_recv_ping_pong", 8, 1)]
    [TestCase("test_send_recv_ping_pong", 2, 1)]
    [TestCase("test_sum_scatter", 8, 1)]
    [TestCase("test_sum_scatter", 4, 2)]
    [TestCase("allreduce_bench", 2, 1)]
    [TestCase("allreduce_bench", 4, 2)]
    [TestCase("swift_pair", 2, 1)]
    [TestCase("swift_pair", 2, 3)]
    // groups split from groups
    [TestCase("split_colors", 8, 1)]
    [TestCase("split_colors", 5, 1)]
    [TestCase("split_colors", 3, 3)]
    [TestCase("split_keys", 8, 1)]
    [TestCase("split_keys", 3, 2)]
    [TestCase("split_keys", 2, 1)]
    [TestCase("split_keys", 2, 2)]
    [TestCase("split_keys", 1, 1)]
    [TestCase("split_equal_keys", 4, 2)]
    [TestCase("split_nested", 8, 1)]
    [TestCase("split_nested", 5, 1)]
    [TestCase("split_alone", 4, 2)]
    [TestCase("split_alone", 1, 1)]
    [TestCase("split_skip", 4, 2)]
    [TestCase("split_skip", 2, 1)]
    [TestCase("split_interleaved", 4, 2)]
    [TestCase("split_interleaved", 3, 1)]
    [TestCase("split_interleaved", 2, 2)]
    [TestCase("split_parent_disposed", 4, 2)]
    [TestCase("split_many", 5, 1)]
    [TestCase("split_many", 3, 3)]
    [TestCase("split_many", 2, 2)]
    [TestCase("split_async", 4, 2)]
    [TestCase("split_whole", 3, 2)]
    // asynchronous
    [TestCase("async_in_order", 4, 2)]
    [TestCase("async_in_order", 2, 1)]
    [TestCase("async_in_order", 2, 2)]
    [TestCase("async_in_order", 1, 1)]
    [TestCase("async_mixed_with_sync", 3, 1)]
    [TestCase("async_mixed_with_sync", 2, 2)]
    [TestCase("async_from_threads", 3, 2)]
    [TestCase("async_from_threads", 2, 2)]
    [TestCase("async_cancelled_before", 3, 1)]
    [TestCase("async_pinned", 3, 1)]
    // other forms
    [TestCase("tensors", 3, 1)]
    [TestCase("tensors", 1, 1)]
    [TestCase("tensor_spans", 4, 2)]
    [TestCase("tensor_spans", 1, 1)]
    [TestCase("native_buffers", 3, 2)]
    [TestCase("arrays", 3, 2)]
    [TestCase("refused", 3, 1)]
    [TestCase("refused", 2, 1)]
    [TestCase("not_neighbours", 4, 2)]
    [TestCase("not_neighbours", 5, 1)]
    // exchanges and batches
    [TestCase("exchange_circle", 2, 1)]
    [TestCase("exchange_circle", 3, 2)]
    [TestCase("exchange_circle", 1, 1)]
    [TestCase("exchange_large_circle", 4, 2)]
    [TestCase("exchange_mistakes", 3, 1)]
    [TestCase("batch_of_many", 2, 1)]
    [TestCase("batch_of_many", 4, 2)]
    [TestCase("batch_again", 3, 1)]
    [TestCase("batch_async", 3, 1)]
    [TestCase("batch_allocates_nothing", 2, 1)]
    // scans, operators, subgroups
    [TestCase("scan", 4, 2)]
    [TestCase("scan", 1, 1)]
    [TestCase("function", 4, 2)]
    [TestCase("function", 3, 1)]
    [TestCase("bitwise", 3, 1)]
    [TestCase("bitwise", 4, 2)]
    [TestCase("subgroup", 4, 2)]
    [TestCase("subgroup_lists_differ", 3, 1)]
    [TestCase("supports_of_ring", 5, 1)]
    // the forms that every operation has
    [TestCase("values", 3, 1)]
    [TestCase("values", 1, 1)]
    [TestCase("array_forms", 3, 1)]
    [TestCase("array_forms", 1, 1)]
    [TestCase("tensors_async", 3, 1)]
    [TestCase("tensors_async", 1, 1)]
    [TestCase("tensor_counts", 3, 1)]
    [TestCase("tensor_counts", 1, 1)]
    [TestCase("functions", 4, 1)]
    [TestCase("functions", 1, 1)]
    [TestCase("variable_lengths", 3, 1)]
    [TestCase("variable_lengths", 1, 1)]
    [TestCase("raw_exchange", 3, 1)]
    [TestCase("raw_exchange", 1, 1)]
    [TestCase("batch_of_all", 3, 1)]
    // objects
    [TestCase("objects", 3, 1)]
    [TestCase("objects", 1, 1)]
    [TestCase("object_messages", 3, 2)]
    [TestCase("objects_that_cannot_be_serialized", 3, 1)]
    // large
    [TestCase("many_slices", 2, 3)]
    [TestCase("many_slices", 2, 1)]
    [TestCase("many_slices", 2, 2)]
    [TestCase("many_slices", 3, 2)]
    [TestCase("many_slices", 4, 2)]
    [TestCase("many_slices", 1, 1)]
    [TestCase("send_before_receive", 2, 1)]
    [TestCase("send_before_receive", 2, 2)]
    [TestCase("send_before_receive", 3, 2)]
    [TestCase("send_before_receive", 4, 2)]
    public void Scenario(string name, int size, int sockets) => OnRing(size, sockets, ring => ring.Play(name));

    [Test]
    public void AFunctionThatThrowsEndsTheGroup()
    {
        using var ring = new LocalRing(3, 1);
        ring.Play("function_throws");
    }

    [TestCase(4, 2)]
    [TestCase(3, 1)]
    [TestCase(8, 1)]
    public void minimal_barrier(int size, int sockets) =>
        OnRing(
            size,
            sockets,
            ring =>
            {
                var replies = ring.Play("minimal_barrier");
                long At(Reply reply, string name) => long.Parse(reply.Data[name], CultureInfo.InvariantCulture);

                for (var round = 0; round < 20; round++)
                {
                    Assert.That(
                        replies.Min(reply => At(reply, $"left{round}")),
                        Is.GreaterThanOrEqualTo(replies.Max(reply => At(reply, $"came{round}"))),
                        $"round {round}: somebody left before the last came"
                    );
                }
            }
        );

    [Test]
    public void ACancelledOperationThatWaitsLeavesTheGroupWhole() =>
        OnRing(
            3,
            1,
            ring =>
            {
                // Rank 0 runs a receive that cannot end yet, and cancels what it queued behind; only then do the others
                // do their part.
                var command = LocalRing.Play("async_cancelled_while_queued");
                var first = ring.Workers[0].Send(command);
                first.Announced();
                LocalRing.Succeed([first, ring.Workers[1].Send(command), ring.Workers[2].Send(command)]);
            }
        );

    [Test]
    public void TwoGroupsOfTheSameProcessesAreIndependent() =>
        OnRing(
            3,
            1,
            ring =>
            {
                using var hosts = ring.NewHostFile(3, 2);
                hosts.Release();
                ring.Form(group: "second", hostFile: hosts);
                var first = ring.All(_ => LocalRing.Play("two_groups", group: "world", seed: 3));
                var second = ring.All(_ =>
                    LocalRing.Play("two_groups", group: "second", seed: 7) with
                    {
                        Thread = "second",
                    }
                );
                LocalRing.Succeed(first.Concat(second));
                ring.Do(new Command { Name = CommandNames.Dispose, Group = "second" });
                ring.Play("check");
            }
        );

    private void OnRing(int size, int sockets, Action<LocalRing> test) => _ranks.On((size, sockets), test);
}
