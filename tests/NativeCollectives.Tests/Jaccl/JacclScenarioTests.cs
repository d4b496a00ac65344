using System.Globalization;
using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// Scenarios that several ranks play together; they leave the group as it was, so those of equal shape share one.
/// </summary>
[Category("Jaccl")]
public sealed class JacclScenarioTests
{
    private readonly SharedRanks<JacclShape, LocalJaccl> _ranks = new(shape =>
    {
        var ranks = new LocalJaccl(shape.Size);
        ranks.Form(shape);
        return ranks;
    });

    [OneTimeTearDown]
    public void End() => _ranks.Dispose();

    // upstream, by name
    [TestCase("test_all_reduce", 2)]
    [TestCase("test_all_reduce", 2, 2)]
    [TestCase("test_all_reduce", 5, 1)]
    [TestCase("test_all_reduce_extra", 2)]
    [TestCase("test_all_gather", 4, 2)]
    [TestCase("test_send_recv", 4)]
    [TestCase("test_send_recv", 4, 2)]
    [TestCase("test_sum_scatter", 4)]
    [TestCase("test_sum_scatter", 4, 2)]
    [TestCase("allreduce_bench", 4)]
    [TestCase("allreduce_bench", 3, 1)]
    [TestCase("swift_pair", 2)]
    [TestCase("swift_pair", 2, 2)]
    // asynchronous
    [TestCase("async_in_order", 3)]
    [TestCase("async_in_order", 3, 1)]
    [TestCase("async_mixed_with_sync", 3)]
    [TestCase("async_mixed_with_sync", 4, 2)]
    [TestCase("async_from_threads", 3)]
    [TestCase("async_from_threads", 3, 1)]
    [TestCase("async_cancelled_before", 3)]
    [TestCase("async_pinned", 3)]
    // other forms
    [TestCase("tensors", 3)]
    [TestCase("tensors", 3, 1)]
    [TestCase("tensor_spans", 4)]
    [TestCase("tensor_spans", 4, 2)]
    [TestCase("native_buffers", 3, 1)]
    [TestCase("arrays", 3)]
    [TestCase("refused", 3)]
    [TestCase("refused", 3, 1)]
    // A ring's ranks reach their neighbours only, and say so.
    [TestCase("not_neighbours", 4, 2)]
    [TestCase("not_neighbours", 5, 1)]
    [TestCase("not_neighbours_named", 4, 2)]
    // exchanges and batches
    [TestCase("exchange_circle", 3)]
    [TestCase("exchange_circle", 3, 2)]
    [TestCase("exchange_large_circle", 4)]
    [TestCase("exchange_large_circle", 4, 2)]
    [TestCase("exchange_mistakes", 3)]
    [TestCase("batch_of_many", 4)]
    [TestCase("batch_of_many", 3, 1)]
    [TestCase("batch_async", 3)]
    [TestCase("batch_allocates_nothing", 2)]
    // scans, operators
    [TestCase("scan", 3)]
    [TestCase("function", 4)]
    [TestCase("function", 3, 1)]
    [TestCase("bitwise", 3)]
    [TestCase("array_forms", 3)]
    [TestCase("tensors_async", 3)]
    [TestCase("variable_lengths", 3, 1)]
    [TestCase("batch_of_all", 3)]
    [TestCase("objects", 3)]
    [TestCase("objects_that_cannot_be_serialized", 3, 1)]
    // large
    [TestCase("many_slices", 2, 2)]
    [TestCase("many_slices", 3)]
    [TestCase("many_slices", 4, 2)]
    public void Scenario(string name, int size, int wires = 0) =>
        OnGroup(size, wires, (ranks, shape) => ranks.Play(shape, name));

    // groups split from groups
    [TestCase("subgroup", 4)]
    [TestCase("split_colors", 4)]
    [TestCase("split_colors", 3)]
    [TestCase("split_keys", 4)]
    [TestCase("split_keys", 3)]
    [TestCase("split_keys", 2)]
    [TestCase("split_equal_keys", 4)]
    [TestCase("split_nested", 4)]
    [TestCase("split_alone", 4)]
    [TestCase("split_skip", 4)]
    [TestCase("split_skip", 2)]
    [TestCase("split_interleaved", 4)]
    [TestCase("split_interleaved", 3)]
    [TestCase("split_parent_disposed", 4)]
    [TestCase("split_many", 3)]
    [TestCase("split_async", 4)]
    [TestCase("split_whole", 3)]
    [TestCase("test_groups", 4)]
    [TestCase("test_all_reduce_split", 4)]
    [TestCase("test_all_gather_split", 4)]
    [TestCase("test_mixed", 4)]
    [TestCase("test_send_recv_ping_pong", 4)]
    public void Split(string name, int size) => OnGroup(size, 0, (ranks, shape) => ranks.Play(shape, name));

    [TestCase(4, 0)]
    [TestCase(3, 1)]
    [TestCase(4, 2)]
    public void minimal_barrier(int size, int wires) =>
        OnGroup(
            size,
            wires,
            (ranks, shape) =>
            {
                var replies = ranks.Play(shape, "minimal_barrier");
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

    [TestCase(0)]
    [TestCase(1)]
    public void ACancelledOperationThatWaitsLeavesTheGroupWhole(int wires) =>
        OnGroup(
            3,
            wires,
            (ranks, _) =>
            {
                var command = LocalRanks.Play("async_cancelled_while_queued", 0);
                var first = ranks.Workers[0].Send(command);
                first.Announced();
                LocalRanks.Succeed([first, ranks.Workers[1].Send(command), ranks.Workers[2].Send(command)]);
            }
        );

    [Test]
    public void TwoGroupsOfTheSameProcessesAreIndependent() =>
        OnGroup(
            3,
            0,
            (ranks, shape) =>
            {
                ranks.Form(JacclShape.Ring(3, 2), group: "second");
                var first = ranks.All(_ => LocalRanks.Play("two_groups", 0, group: "world", seed: 3));
                var second = ranks.All(_ =>
                    LocalRanks.Play("two_groups", 0, group: "second", seed: 7) with
                    {
                        Thread = "second",
                    }
                );
                LocalRanks.Succeed(first.Concat(second));
                ranks.Do(new Command { Name = CommandNames.Dispose, Group = "second" });
                ranks.Play(shape, "check");
            }
        );

    // Without wires: a mesh.
    private void OnGroup(int size, int wires, Action<LocalJaccl, JacclShape> test)
    {
        var shape = wires == 0 ? JacclShape.Mesh(size) : JacclShape.Ring(size, wires);
        _ranks.On(shape, ranks => test(ranks, shape));
    }
}
