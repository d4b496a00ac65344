using System.IO.Pipes;

namespace NativeCollectives.Cli.Bench;

/// <summary>One rank of ours, in a process that <see cref="OwnSystem"/> starts.</summary>
internal static class RankProgram
{
    /// <summary>The arguments with which a program is started as a rank.</summary>
    public static IReadOnlyList<string> Arguments { get; } = ["bench", "rank"];

    public static int Run()
    {
        string rank = "a rank";
        try
        {
            var orders = new StreamReader(Console.OpenStandardInput());
            RankJob job = RankJob.FromJson(orders.ReadLine() ?? "");
            rank = $"rank {job.Rank}";
            EndWithParent(orders);

            using DistributedGroup group = DistributedGroup.Create(job.ToGroupOptions());
            using TextWriter results = job.Results is null
                ? TextWriter.Null
                : new StreamWriter(new AnonymousPipeClientStream(PipeDirection.Out, job.Results));
            BenchmarkStream? stream =
                job.Pace.Batch > 1 ? new BenchmarkStream(job.Place.Nccl!.CudaLibrary, group.Device!.Value) : null;
            using var measurer = new RankMeasurer(group, job.Memory, job.Pace, stream);
            measurer.Measure(
                [.. job.Cases.Select(one => one.ToCase())],
                (_, measurement) =>
                {
                    Measurement.Write(results, measurement);
                    results.Flush();
                }
            );
            group.Barrier(); // nobody leaves while another still waits for something
            return 0;
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine(Failure.Of(rank, exception));
            return 1;
        }
    }

    /// <summary>The pipe that orders came through closes when the tool itself ends, however it does.</summary>
    private static void EndWithParent(StreamReader orders)
    {
        var watch = new Thread(() =>
        {
            _ = orders.Read();
            Environment.Exit(1);
        })
        {
            IsBackground = true,
        };
        watch.Start();
    }
}

/// <summary>Words a rank's failure in one line.</summary>
internal static class Failure
{
    public static string Of(string rank, Exception exception) =>
        exception switch
        {
            OutOfMemoryException =>
                $"{rank}: the machine does not have the memory for the buffers; --max-bytes makes them smaller.",
            CollectiveException or ToolException => $"{rank}: {exception.Message}".ReplaceLineEndings(" "),
            _ => $"{rank}: {exception.GetType().Name}: {exception.Message}".ReplaceLineEndings(" "),
        };
}
