using NativeCollectives;

// rank, devices and coordinator from the launcher
using var group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.Jaccl, Strict = true });

float[] gradients = [1, 2, group.Rank];
group.AllReduce(gradients, ReduceOp.Average); // in place, on every rank

float[] everyone = group.AllGather<float>([10 * group.Rank]);

// A message waits for its receiver, so that of two ranks one receives first.
float[] theirs = new float[1];
if (group.Rank == 0)
{
    group.Send<float>([42], 1);
    group.Receive(theirs, 1);
}
else
{
    group.Receive(theirs, 0);
    group.Send<float>([theirs[0] + 1], 0);
}

Console.WriteLine(
    $"rank {group.Rank} of {group.Size}: [{string.Join(' ', gradients)}] [{string.Join(' ', everyone)}] [{theirs[0]}]"
);
