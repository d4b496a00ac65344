using System.Diagnostics;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// One rank's part in measuring a group of ours. Per size: a checked operation, a warm-up, a barrier, the measured
/// operations one after the other (or batches of them on a stream) with nothing but a time stamp between them, and
/// another checked operation. The programs in bench/peers measure in exactly the same way; they change together.
/// </summary>
internal sealed unsafe class RankMeasurer : IDisposable
{
    private readonly DistributedGroup _group;
    private readonly BufferMemory _place;
    private readonly Pace _pace;
    private readonly BenchmarkStream? _stream;
    private readonly RankMemory _memory = new();
    private readonly Pages _stampPages = new();
    private readonly Pages _timePages = new();
    private readonly long* _stamps;
    private readonly double* _times;

    /// <param name="group">The group.</param>
    /// <param name="place">Where the operations' buffers are to be.</param>
    /// <param name="pace">How often.</param>
    /// <param name="stream">The stream that batches are put on; <see langword="null"/>: there are none.</param>
    public RankMeasurer(DistributedGroup group, BufferMemory place, Pace pace, BenchmarkStream? stream = null)
    {
        _group = group;
        _place = place;
        _pace = pace;
        _stream = stream;
        _stamps = (long*)_stampPages.Reserve((pace.Capacity + 1) * sizeof(long));
        _times = (double*)_timePages.Reserve(pace.Capacity * sizeof(double));
    }

    /// <summary>Measures cases; all ranks the same.</summary>
    /// <param name="cases">What.</param>
    /// <param name="measured">Is given what all ranks together say.</param>
    public void Measure(IReadOnlyList<BenchmarkCase> cases, Action<BenchmarkCase, Measurement> measured)
    {
        _memory.Input.Reserve(cases.Max(one => one.BufferBytes(_group.Size).Input));
        _memory.Output.Reserve(cases.Max(one => one.BufferBytes(_group.Size).Output));
        foreach (BenchmarkCase one in cases)
        {
            try
            {
                using RankBuffers buffers = RankBuffers.Allocate(one, _group, _memory, _place, _stream);
                foreach (long count in one.Counts)
                {
                    measured(one, Measure(one, buffers, count));
                }
            }
            catch (NotSupportedException exception)
            {
                // Thrown on every rank alike, before anything was sent.
                measured(one, Measurement.OfUnsupported(exception.Message));
            }
        }
    }

    public void Dispose()
    {
        _memory.Dispose();
        _stampPages.Dispose();
        _timePages.Dispose();
    }

    private Measurement Measure(BenchmarkCase one, RankBuffers buffers, long count)
    {
        buffers.Use(count);
        long errors = Check(one, buffers, count, seed: 0);
        if (one.InPlace)
        {
            buffers.Clear();
            buffers.Upload();
        }

        int iterations = WarmUp(buffers);
        Time(buffers, 0); // compiled before it counts

        _group.Barrier();
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        Time(buffers, iterations);
        double cpu = (Environment.CpuUsage.TotalTime - cpuBefore).TotalMicroseconds;

        errors += Check(one, buffers, count, seed: 1);
        for (int i = 0; i < iterations; i++)
        {
            _times[i] = (_stamps[i + 1] - _stamps[i]) * (1e9 / Stopwatch.Frequency) / _pace.Batch;
        }

        _group.Raw.AllReduce(_times, _times, iterations, CollectiveDataType.Float64, ReduceOp.Sum);
        Span<double> totals = [cpu, errors];
        _group.AllSum(totals);
        var times = new double[iterations];
        for (int i = 0; i < iterations; i++)
        {
            times[i] = _times[i] / _group.Size;
        }

        return new Measurement(count, totals[0], (long)totals[1], times);
    }

    private void Time(RankBuffers buffers, int iterations)
    {
        long* stamps = _stamps;
        stamps[0] = Stopwatch.GetTimestamp();
        for (int i = 0; i < iterations; i++)
        {
            RunBatch(buffers);
            stamps[i + 1] = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>
    /// Runs operations, as often as told or until they have taken long enough; returns how many batches of them are to
    /// be measured.
    /// </summary>
    private int WarmUp(RankBuffers buffers)
    {
        if (_pace.WarmUp is { } times)
        {
            Repeat(buffers, times);
        }

        if (_pace.Iterations > 0)
        {
            Repeat(buffers, _pace.WarmUp is null ? (_pace.Iterations + 9) / 10 : 0);
            return _pace.Iterations;
        }

        double warmUpSeconds = _pace.WarmUp is null ? Pace.WarmUpSeconds : 0;
        for (int batches = 1; ; batches *= 2)
        {
            _group.Barrier();
            long start = Stopwatch.GetTimestamp();
            Repeat(buffers, batches);
            double elapsed = Math.Max(1e-9, Stopwatch.GetElapsedTime(start).TotalSeconds);
            // What rank 0 says: go on (0), or how many.
            Span<int> decision =
            [
                elapsed < warmUpSeconds
                    ? 0
                    : (int)Math.Clamp(_pace.Seconds / elapsed * batches, Pace.MinIterations, Pace.MaxIterations),
            ];
            _group.Broadcast(decision, 0);
            if (decision[0] > 0)
            {
                return decision[0];
            }
        }
    }

    private void Repeat(RankBuffers buffers, int batches)
    {
        for (int i = 0; i < batches; i++)
        {
            RunBatch(buffers);
        }
    }

    private void RunBatch(RankBuffers buffers)
    {
        for (int i = _pace.Batch; i > 0; i--)
        {
            buffers.Run();
        }

        buffers.Finish();
    }

    /// <summary>One operation on fresh input into a spoilt output. Returns the number of wrong elements.</summary>
    private long Check(BenchmarkCase one, RankBuffers buffers, long count, int seed)
    {
        var verifier = new Verifier(one, _group.Rank, _group.Size, seed);
        verifier.Prepare(buffers.Input, buffers.Output, count);
        buffers.Upload();
        buffers.Run();
        buffers.Finish();
        buffers.Download();
        return verifier.Errors(buffers.Output, count);
    }
}
