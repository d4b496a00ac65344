using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Nccl;

/// <summary>
/// Scenarios that several ranks play together; they leave the group as it was, so those of equal size share one.
/// </summary>
[Category("Nccl")]
public sealed class NcclScenarioTests
{
    private readonly SharedRanks<(int Size, bool Jitter), LocalNccl> _ranks = new(kind => new LocalNccl(
        kind.Size,
        jitter: kind.Jitter
    ));

    [OneTimeTearDown]
    public void End() => _ranks.Dispose();

    // upstream, by name
    [TestCase("test_all_reduce", 2)]
    [TestCase("test_all_gather", 4)]
    [TestCase("test_send_recv", 4)]
    [TestCase("test_groups", 4)]
    [TestCase("test_all_reduce_split", 4)]
    [TestCase("test_all_gather_split", 4)]
    [TestCase("test_mixed", 4)]
    [TestCase("test_send_recv_ping_pong", 4)]
    [TestCase("test_send_recv_ping_pong", 2)]
    [TestCase("test_sum_scatter", 4)]
    [TestCase("swift_pair", 2)]
    // groups split from groups
    [TestCase("split_colors", 4)]
    [TestCase("split_colors", 3)]
    [TestCase("split_keys", 4)]
    [TestCase("split_keys", 3)]
    [TestCase("split_keys", 2)]
    [TestCase("split_keys", 1)]
    [TestCase("split_equal_keys", 4)]
    [TestCase("split_nested", 4)]
    [TestCase("split_alone", 4)]
    [TestCase("split_alone", 1)]
    [TestCase("split_skip", 4)]
    [TestCase("split_skip", 2)]
    [TestCase("split_interleaved", 4)]
    [TestCase("split_interleaved", 3)]
    [TestCase("split_parent_disposed", 4)]
    [TestCase("split_many", 3)]
    [TestCase("split_async", 4)]
    [TestCase("split_whole", 3)]
    // asynchronous
    [TestCase("async_in_order", 3)]
    [TestCase("async_in_order", 1)]
    [TestCase("async_mixed_with_sync", 3)]
    [TestCase("async_from_threads", 3)]
    [TestCase("async_cancelled_before", 3)]
    [TestCase("async_pinned", 3)]
    // other forms
    [TestCase("tensors", 3)]
    [TestCase("tensors", 1)]
    [TestCase("tensor_spans", 4)]
    [TestCase("native_buffers", 3)]
    [TestCase("arrays", 3)]
    [TestCase("refused", 3)]
    [TestCase("check", 1)]
    // exchanges and batches, scans, operators, subgroups
    [TestCase("exchange_circle", 3)]
    [TestCase("exchange_large_circle", 4)]
    [TestCase("exchange_mistakes", 3)]
    [TestCase("batch_of_many", 3)]
    [TestCase("batch_again", 2)]
    [TestCase("batch_async", 3)]
    [TestCase("scan", 3)]
    [TestCase("function", 3)]
    [TestCase("bitwise", 3)]
    [TestCase("supports_of_nccl", 2)]
    [TestCase("array_forms", 3)]
    [TestCase("tensors_async", 3)]
    [TestCase("tensor_counts", 3)]
    [TestCase("batch_of_all", 3)]
    [TestCase("objects", 3)]
    [TestCase("objects_that_cannot_be_serialized", 2)]
    [TestCase("subgroup", 4)]
    // device memory
    [TestCase("device_on_stream", 3)]
    [TestCase("device_on_stream", 1)]
    [TestCase("device_on_stream_async", 3)]
    [TestCase("device_on_two_streams", 3)]
    [TestCase("device_on_default_stream", 2)]
    [TestCase("device_behind_default_stream", 2)]
    [TestCase("device_mixed", 3)]
    [TestCase("device_mixed", 1)]
    [TestCase("device_buffer_disposed_meanwhile", 2)]
    [TestCase("device_buffer_forgotten_meanwhile", 2)]
    [TestCase("device_host_pointer", 2)]
    [TestCase("device_host_pointer", 1)]
    [TestCase("device_other_device", 2)]
    public void Scenario(string name, int size) => OnGroup(size, jitter: false, ranks => ranks.Play(name));

    /// <summary>Where every piece of work on the device begins late, what does not wait for it finds nothing.</summary>
    [TestCase("device_on_stream", 2)]
    [TestCase("device_on_stream_async", 2)]
    [TestCase("device_on_two_streams", 2)]
    [TestCase("device_on_default_stream", 2)]
    [TestCase("device_behind_default_stream", 2)]
    [TestCase("device_mixed", 2)]
    [TestCase("device_buffer_disposed_meanwhile", 2)]
    [TestCase("split_interleaved", 2)]
    public void OnALateDevice(string name, int size) => OnGroup(size, jitter: true, ranks => ranks.Play(name));

    [Test]
    public void BlockingOperationsOnDeviceMemoryAllocateNothing() =>
        OnGroup(
            2,
            jitter: false,
            ranks =>
                Assert.That(
                    ranks.Play("device_allocates_nothing").Select(reply => reply.Data["allocated"]),
                    Is.All.EqualTo("0"),
                    "bytes on the managed heap"
                )
        );

    /// <summary>Rank 1 does not begin before rank 0 has come back from its calls.</summary>
    [Test]
    public void TheHostDoesNotWaitForAStream() =>
        OnGroup(
            2,
            jitter: false,
            ranks =>
            {
                var play = LocalRanks.Play("device_on_stream_begun", 0);
                var first = ranks.Workers[0].Send(play);
                first.Announced();
                var replies = LocalRanks.Succeed([first, ranks.Workers[1].Send(play)]);
                Assert.That(
                    replies[0].Data["done"],
                    Is.EqualTo("no"),
                    "rank 0's stream had come to its end without rank 1"
                );
            }
        );

    [Test]
    public void ACancelledOperationThatWaitsLeavesTheGroupWhole() =>
        OnGroup(
            3,
            jitter: false,
            ranks =>
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
            jitter: false,
            ranks =>
            {
                ranks.Form(group: "second");
                var first = ranks.All(_ => LocalRanks.Play("two_groups", 0, group: "world", seed: 3));
                var second = ranks.All(_ =>
                    LocalRanks.Play("two_groups", 0, group: "second", seed: 7) with
                    {
                        Thread = "second",
                    }
                );
                LocalRanks.Succeed(first.Concat(second));
                ranks.Do(new Command { Name = CommandNames.Dispose, Group = "second" });
                ranks.Play("check");
            }
        );

    private void OnGroup(int size, bool jitter, Action<LocalNccl> test) => _ranks.On((size, jitter), test);
}
