using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NativeCollectives.Bench;

/// <summary>
/// One rank of ours. It measures exactly as the programs in bench/peers do; they change together. Per size: a checked operation, a warm-up, a barrier, the
/// measured operations one after the other (or batches of them on a stream) with nothing but a time stamp between them, and another checked operation.
/// </summary>
internal sealed unsafe class RankProgram
{
    private readonly RankJob _job;
    private readonly BenchmarkOperation _operation;
    private readonly DistributedGroup _group;
    private readonly RankBuffers _buffers;
    private readonly long* _stamps;
    private readonly double* _times;

    private RankProgram(RankJob job, DistributedGroup group)
    {
        _job = job;
        _operation = BenchmarkOperation.Find(job.Operation);
        _group = group;
        _buffers = RankBuffers.Allocate(job, _operation, group);
        _stamps = (long*)Pages.Allocate((job.Pace.Capacity + 1) * sizeof(long));
        _times = (double*)Pages.Allocate(job.Pace.Capacity * sizeof(double));
    }

    public static int Run()
    {
        var rank = "a rank";
        try
        {
            var orders = new StreamReader(Console.OpenStandardInput());
            var job = RankJob.FromJson(orders.ReadLine() ?? "");
            rank = $"rank {job.Rank}";
            EndWithParent(orders);

            using var group = DistributedGroup.Create(job.ToGroupOptions());
            using var writer = job.Rank == 0 ? new StreamWriter(job.Output) : TextWriter.Null;
            var program = new RankProgram(job, group);
            foreach (var count in job.Counts)
            {
                Measurement.Write(writer, program.Measure(count));
            }
            group.Barrier(); // nobody leaves while another still waits for something
            return 0;
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine($"{rank}: {exception.GetType().Name}: {exception.Message}");
            return 1;
        }
    }

    /// <summary>The pipe that orders came through closes when the benchmark itself ends, however it does.</summary>
    private static void EndWithParent(StreamReader orders)
    {
        var watch = new Thread(() =>
        {
            _ = orders.Read();
            Environment.Exit(1);
        })
        { IsBackground = true };
        watch.Start();
    }

    private Measurement Measure(long count)
    {
        _buffers.Use(count);
        var errors = Check(count);
        if (_buffers.InPlace)
        {
            NativeMemory.Clear(_buffers.Output, (nuint)(_buffers.Outputs * sizeof(float))); // sums of zeros stay zeros
            _buffers.Upload();
        }
        var iterations = WarmUp();

        _group.Barrier();
        var cpuBefore = Environment.CpuUsage.TotalTime;
        Time(iterations);
        var cpu = (Environment.CpuUsage.TotalTime - cpuBefore).TotalMicroseconds;

        errors += Check(count);
        for (var i = 0; i < iterations; i++)
        {
            _times[i] = (_stamps[i + 1] - _stamps[i]) * (1e9 / Stopwatch.Frequency) / _job.Pace.Batch;
        }
        _group.AllReduce(_times, _times, iterations, CollectiveDataType.Float64, ReduceOp.Sum);
        Span<double> totals = [cpu, errors];
        _group.AllSum(totals);
        var times = new double[iterations];
        for (var i = 0; i < iterations; i++)
        {
            times[i] = _times[i] / _group.Size;
        }
        return new Measurement(count, totals[0], (long)totals[1], times);
    }

    private void Time(int iterations)
    {
        var stamps = _stamps;
        stamps[0] = Stopwatch.GetTimestamp();
        for (var i = 0; i < iterations; i++)
        {
            RunBatch();
            stamps[i + 1] = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Runs operations until they have taken long enough; returns how many batches of them are to be measured.</summary>
    private int WarmUp()
    {
        var pace = _job.Pace;
        if (pace.Iterations > 0)
        {
            Repeat((pace.Iterations + 9) / 10);
            return pace.Iterations;
        }
        for (var times = 1; ; times *= 2)
        {
            _group.Barrier();
            var start = Stopwatch.GetTimestamp();
            Repeat(times);
            var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            // What rank 0 says: go on (0), or how many.
            Span<int> decision = [elapsed < Pace.WarmUpSeconds ? 0 : (int)Math.Clamp(pace.Seconds / elapsed * times, Pace.MinIterations, Pace.MaxIterations)];
            _group.Broadcast(decision, 0);
            if (decision[0] > 0)
            {
                return decision[0];
            }
        }
    }

    private void Repeat(int times)
    {
        for (var i = 0; i < times; i++)
        {
            RunBatch();
        }
    }

    private void RunBatch()
    {
        var buffers = _buffers;
        for (var i = _job.Pace.Batch; i > 0; i--)
        {
            buffers.Run();
        }
        buffers.Finish();
    }

    /// <summary>One operation on fresh input into a spoilt output. Returns the number of wrong elements.</summary>
    private long Check(long count)
    {
        var input = _buffers.Input;
        var output = _buffers.Output;
        for (long i = 0; i < _buffers.Outputs; i++)
        {
            output[i] = float.NaN;
        }
        for (long i = 0; i < _buffers.Inputs; i++)
        {
            input[i] = BenchmarkOperation.Element(_group.Rank, i);
        }
        _buffers.Upload();
        _buffers.Run();
        _buffers.Finish();
        _buffers.Download();

        long errors = 0;
        if (!_operation.ResultAtRoot || _group.Rank == BenchmarkOperation.Root)
        {
            for (long i = 0; i < _buffers.Outputs; i++)
            {
                errors += output[i] == _operation.Expected(_group.Rank, _group.Size, count, i) ? 0 : 1;
            }
        }
        return errors;
    }
}
