using NativeCollectives;

using var group = DistributedGroup.Create(); // rank and peers from MLX_RANK and MLX_HOSTFILE

float[] gradients = [1, 2, group.Rank];
group.AllReduce(gradients); // sums, in place, on every rank

float[] everyone = group.AllGather<float>([10 * group.Rank]);

float[] mine = new float[1];
group.ReduceScatter([.. Enumerable.Repeat(1f, group.Size)], mine, ReduceOp.Sum);

using var half = group.Split(color: group.Rank % 2);

Console.WriteLine(
    $"rank {group.Rank} of {group.Size}: [{string.Join(' ', gradients)}] [{string.Join(' ', everyone)}] [{mine[0]}], "
        + $"rank {half.Rank} of {half.Size} in its half"
);
