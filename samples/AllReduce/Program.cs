using NativeCollectives;

using var group = DistributedGroup.Create(); // rank and peers from the launcher; started on its own, rank 0 of 1

float[] values = [1, group.Rank, group.Rank * group.Rank];
group.AllReduce(values, ReduceOp.Sum); // in place, on every rank

Console.WriteLine($"rank {group.Rank} of {group.Size}: [{string.Join(' ', values)}]");
