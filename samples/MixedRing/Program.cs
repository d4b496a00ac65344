// One rank of a ring. The others may run this program or mlx_rank.py, in any mixture: both make the same calls in the
// same order, with equal counts and types.

using NativeCollectives;

// MLX_RANK and MLX_HOSTFILE, from either launcher
using var group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.Ring, Strict = true });

float[] sum = [1, 2, group.Rank];
group.AllSum(sum);

float[] largest = [group.Rank, -group.Rank];
group.AllMax(largest);

float[] everyone = group.AllGather<float>([10 * group.Rank]);

// MLX's ring sends to neighbours only.
float[] fromLeft = new float[1];
group.Send<float>([group.Rank + 0.5f], (group.Rank + 1) % group.Size);
group.Receive(fromLeft, (group.Rank + group.Size - 1) % group.Size);

Console.WriteLine(
    $"rank {group.Rank} of {group.Size}, .NET: [{string.Join(' ', sum)}] [{string.Join(' ', largest)}] "
        + $"[{string.Join(' ', everyone)}] [{fromLeft[0]}]"
);
