using NativeCollectives;

// rank and peers from the launcher
using var group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.Nccl, Strict = true });

using DeviceBuffer<float> gradients = group.AllocateDevice<float>(3); // on the group's device
gradients.CopyFrom([1, 2, group.Rank]);
group.AllReduce(gradients.Span, ReduceOp.Average); // in place; has ended when it returns

using DeviceBuffer<float> everyone = group.AllocateDevice<float>(gradients.Length * group.Size);
await group.AllGatherAsync(gradients.Span, everyone.Span); // the task completes when the device has finished

float[] onTheHost = [1, group.Rank];
group.AllReduce(onTheHost); // memory of the host works as with every other backend

Console.WriteLine(
    $"rank {group.Rank} of {group.Size}: [{string.Join(' ', everyone.ToArray())}] [{string.Join(' ', onTheHost)}]"
);
