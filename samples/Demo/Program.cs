using System.Globalization;
using NativeCollectives;
using NativeCollectives.Demo;

// Started without arguments, or with those of DemoOptions, this program starts itself once for each rank, tells all of
// them where the others are, and prints what they say in the order of the ranks. Started as a rank it joins the group
// that its environment describes, as a program started by mlx.launch would.
return args is ["rank"] ? RunRank() : await Launcher.RunAsync(args);

static int RunRank()
{
    using var group = DistributedGroup.Create();
    var rank = group.Rank;
    Console.WriteLine($"rank {rank} of {group.Size}, process {Environment.ProcessId}, backend {group.Backend}");

    float[] mine = [rank + 1, 10 * (rank + 1), 100 * (rank + 1)];
    var sum = mine.ToArray();
    group.AllReduce<float>(sum);
    Print("AllReduce", mine, sum);

    Print("AllGather", mine, group.AllGather<float>(mine));

    // Two rows per rank: each rank gets the sums of its own two.
    var rows = Enumerable.Range(0, 2 * group.Size).Select(i => (float)(i + rank)).ToArray();
    var scattered = new float[2];
    group.ReduceScatter<float>(rows, scattered, ReduceOp.Sum);
    Print("ReduceScatter", rows, scattered);

    // Ranks 0 and 1 form one group, 2 and 3 the other.
    using var pair = group.Split(color: rank / 2);
    float[] largest = [rank];
    pair.AllReduce<float>(largest, ReduceOp.Max);
    Print($"Split, maximum of pair {rank / 2}", [rank], largest);

    // What the left neighbour sends. Every other rank receives first: over RDMA a message waits for its receiver.
    var received = new float[3];
    var right = (rank + 1) % group.Size;
    var left = (rank + group.Size - 1) % group.Size;
    if (rank % 2 == 0)
    {
        group.Send<float>(mine, right);
        group.Receive<float>(received, left);
    }
    else
    {
        group.Receive<float>(received, left);
        group.Send<float>(mine, right);
    }
    Print("Send and Receive", mine, received);
    return 0;
}

static void Print(string operation, float[] operand, float[] result) =>
    Console.WriteLine($"  {operation, -24} {Text(operand), -24} -> {Text(result)}");

static string Text(float[] values) =>
    "[" + string.Join(' ', values.Select(value => value.ToString(CultureInfo.InvariantCulture))) + "]";
