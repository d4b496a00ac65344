using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using NativeCollectives;

// Started without arguments this program starts itself once for each rank, gives all of them one hostfile, and prints what they say in the order of the ranks.
// Started as a rank it joins the group that MLX_RANK and MLX_HOSTFILE describe, as a program started by mlx.launch would.
return args is ["rank"] ? RunRank() : await LaunchAsync(ranks: 4);

static int RunRank()
{
    using var group = DistributedGroup.Create();
    var rank = group.Rank;
    Console.WriteLine($"rank {rank} of {group.Size}, process {Environment.ProcessId}, backend {group.Backend}");

    float[] mine = [rank + 1, 10 * (rank + 1), 100 * (rank + 1)];
    var sum = mine.ToArray();
    group.AllSum<float>(sum);
    Print("AllSum", mine, sum);

    Print("AllGather", mine, group.AllGather<float>(mine));

    // Two rows per rank: each rank gets the sums of its own two.
    var rows = Enumerable.Range(0, 2 * group.Size).Select(i => (float)(i + rank)).ToArray();
    var scattered = new float[2];
    group.ReduceScatter<float>(rows, scattered, ReduceOp.Sum);
    Print("ReduceScatter", rows, scattered);

    // Ranks 0 and 1 form one group, 2 and 3 the other.
    using var pair = group.Split(color: rank / 2);
    float[] largest = [rank];
    pair.AllMax<float>(largest);
    Print($"Split, AllMax of pair {rank / 2}", [rank], largest);

    // What the left neighbour sends.
    var received = new float[3];
    var sending = group.SendAsync<float>(mine, (rank + 1) % group.Size);
    group.Receive<float>(received, (rank + group.Size - 1) % group.Size);
    sending.GetAwaiter().GetResult();
    Print("Send and Receive", mine, received);
    return 0;
}

static void Print(string operation, float[] operand, float[] result) =>
    Console.WriteLine($"  {operation,-24} {Text(operand),-24} -> {Text(result)}");

static string Text(float[] values) => "[" + string.Join(' ', values.Select(value => value.ToString(CultureInfo.InvariantCulture))) + "]";

static async Task<int> LaunchAsync(int ranks)
{
    var hostFile = Path.GetTempFileName();
    var processes = new List<Process>();
    try
    {
        await File.WriteAllTextAsync(hostFile, JsonSerializer.Serialize(FreeAddresses(ranks)));
        for (var rank = 0; rank < ranks; rank++)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            {
                start.ArgumentList.Add(typeof(Program).Assembly.Location);
            }
            start.ArgumentList.Add("rank");
            start.Environment["MLX_RANK"] = rank.ToString(CultureInfo.InvariantCulture);
            start.Environment["MLX_HOSTFILE"] = hostFile;
            processes.Add(Process.Start(start)!);
        }

        // Two minutes are more than any of this needs.
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var outputs = processes.Select(process => process.StandardOutput.ReadToEndAsync(limit.Token)).ToList();
        var errors = processes.Select(process => process.StandardError.ReadToEndAsync(limit.Token)).ToList();
        await Task.WhenAll(processes.Select(process => process.WaitForExitAsync(limit.Token)));
        for (var rank = 0; rank < ranks; rank++)
        {
            Console.Write(await outputs[rank]);
            Console.Error.Write(await errors[rank]);
        }
        var failed = processes.Count(process => process.ExitCode != 0);
        Console.WriteLine(failed == 0 ? $"{ranks} ranks, all well" : $"{failed} of {ranks} ranks failed");
        return failed == 0 ? 0 : 1;
    }
    catch (OperationCanceledException)
    {
        await Console.Error.WriteLineAsync("the ranks did not finish in time");
        return 1;
    }
    finally
    {
        foreach (var process in processes)
        {
            process.Kill(); // nothing happens to one that has ended
            process.Dispose();
        }
        File.Delete(hostFile);
    }
}

// Addresses that were free a moment ago, below the ports that the system gives to outgoing connections.
static string[][] FreeAddresses(int count)
{
    var held = new List<Socket>();
    while (held.Count < count)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ExclusiveAddressUse = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, Random.Shared.Next(12000, 32000)));
            held.Add(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
        }
    }
    string[][] addresses = [.. held.Select(socket => new[] { socket.LocalEndPoint!.ToString()! })];
    held.ForEach(socket => socket.Dispose());
    return addresses;
}
