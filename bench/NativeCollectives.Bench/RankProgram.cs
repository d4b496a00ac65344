using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NativeCollectives.Bench;

/// <summary>
/// One rank of ours. It measures exactly as the programs in bench/peers do; they change together. Per size: a checked operation, a warm-up, a barrier, the
/// measured operations one after the other with nothing but a time stamp between them, and another checked operation.
/// </summary>
internal sealed unsafe class RankProgram
{
    private const nuint Alignment = 4096;

    private readonly RankJob _job;
    private readonly BenchmarkOperation _operation;
    private readonly DistributedGroup _group;
    private readonly bool _inPlace;
    private readonly float* _input;
    private readonly float* _output;
    private readonly long* _stamps;
    private readonly double* _times;

    private RankProgram(RankJob job, DistributedGroup group)
    {
        _job = job;
        _operation = BenchmarkOperation.Find(job.Operation);
        _group = group;
        _inPlace = job.InPlace || _operation.AlwaysInPlace;
        // The process ends with the job; nothing of this is ever freed.
        var largest = job.Counts.Max();
        _output = (float*)Allocate(_operation.OutputElements(group.Size, largest) * sizeof(float));
        _input = _inPlace ? _output : (float*)Allocate(_operation.InputElements(group.Size, largest) * sizeof(float));
        _stamps = (long*)Allocate((job.Pace.Capacity + 1) * sizeof(long));
        _times = (double*)Allocate(job.Pace.Capacity * sizeof(double));
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

            using var group = DistributedGroup.Create(new DistributedGroupOptions
            {
                Backend = BackendKind.Ring,
                Strict = true,
                Ring = new RingOptions { Rank = job.Rank, Hosts = job.Hosts },
                OperationTimeout = job.OperationTimeout,
            });
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
        var errors = Check(count);
        if (_inPlace)
        {
            NativeMemory.Clear(_output, (nuint)(_operation.OutputElements(_group.Size, count) * sizeof(float))); // sums of zeros stay zeros
        }
        var iterations = WarmUp(count);

        _group.Barrier();
        var cpuBefore = Environment.CpuUsage.TotalTime;
        Time(count, iterations);
        var cpu = (Environment.CpuUsage.TotalTime - cpuBefore).TotalMicroseconds;

        errors += Check(count);
        for (var i = 0; i < iterations; i++)
        {
            _times[i] = (_stamps[i + 1] - _stamps[i]) * (1e9 / Stopwatch.Frequency);
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

    private void Time(long count, int iterations)
    {
        var run = _operation.Run;
        var group = _group;
        var input = _input;
        var output = _output;
        var stamps = _stamps;
        stamps[0] = Stopwatch.GetTimestamp();
        for (var i = 0; i < iterations; i++)
        {
            run(group, input, output, count);
            stamps[i + 1] = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Runs operations until they have taken long enough; returns how many are to be measured.</summary>
    private int WarmUp(long count)
    {
        var pace = _job.Pace;
        if (pace.Iterations > 0)
        {
            Repeat(count, (pace.Iterations + 9) / 10);
            return pace.Iterations;
        }
        for (var batch = 1; ; batch *= 2)
        {
            _group.Barrier();
            var start = Stopwatch.GetTimestamp();
            Repeat(count, batch);
            var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            // What rank 0 says: go on (0), or how many.
            Span<int> decision = [elapsed < Pace.WarmUpSeconds ? 0 : (int)Math.Clamp(pace.Seconds / elapsed * batch, Pace.MinIterations, Pace.MaxIterations)];
            _group.Broadcast(decision, 0);
            if (decision[0] > 0)
            {
                return decision[0];
            }
        }
    }

    private void Repeat(long count, int times)
    {
        for (var i = 0; i < times; i++)
        {
            _operation.Run(_group, _input, _output, count);
        }
    }

    /// <summary>One operation on fresh input into a spoilt output. Returns the number of wrong elements.</summary>
    private long Check(long count)
    {
        var outputs = _operation.MovesData ? _operation.OutputElements(_group.Size, count) : 0;
        var inputs = _operation.InputElements(_group.Size, count);
        for (long i = 0; i < outputs; i++)
        {
            _output[i] = float.NaN;
        }
        for (long i = 0; i < inputs; i++)
        {
            _input[i] = BenchmarkOperation.Element(_group.Rank, i);
        }
        _operation.Run(_group, _input, _output, count);

        long errors = 0;
        if (!_operation.ResultAtRoot || _group.Rank == BenchmarkOperation.Root)
        {
            for (long i = 0; i < outputs; i++)
            {
                errors += _output[i] == _operation.Expected(_group.Rank, _group.Size, count, i) ? 0 : 1;
            }
        }
        return errors;
    }

    private static void* Allocate(long bytes)
    {
        var size = (nuint)Math.Max(1, bytes);
        var memory = NativeMemory.AlignedAlloc(size, Alignment);
        NativeMemory.Clear(memory, size); // has its pages from now on
        return memory;
    }
}
