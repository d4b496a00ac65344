namespace NativeCollectives.Bench;

/// <summary>
/// Measures the systems alternately: a few sizes by one, the same sizes by the other, and that several times in
/// changing order, so that whatever else the machine does hits all of them.
/// </summary>
/// <param name="options">What is measured.</param>
/// <param name="machine">Where NCCL's ranks are; <see langword="null"/>: there are none.</param>
/// <param name="systems">Ours, and its peers.</param>
internal sealed class Benchmark(BenchmarkOptions options, NcclMachine? machine, IReadOnlyList<IBenchmarkSystem> systems)
{
    private const int SizesPerStart = 4;

    public BenchmarkResult Result { get; } = new(systems);

    public async Task RunAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        foreach (var note in options.Ranks.Select(ranks => machine?.Note(ranks)).OfType<string>())
        {
            progress(note);
        }
        foreach (var operation in options.Operations)
        {
            foreach (var ranks in options.Ranks)
            {
                foreach (var links in Links.Of(options.Backend, options.Sockets, options.Topologies, options.Wires))
                {
                    foreach (var counts in operation.Counts(ranks, options.Sizes, sizeof(float)).Chunk(SizesPerStart))
                    {
                        await MeasureAsync(NewJob(operation, ranks, links, counts), progress, cancellationToken);
                    }
                }
            }
        }
    }

    private BenchmarkJob NewJob(BenchmarkOperation operation, int ranks, Links links, IReadOnlyList<long> counts) =>
        new(
            ranks,
            options.Backend switch
            {
                BackendKind.Nccl => "nccl",
                BackendKind.Jaccl => "verbs",
                _ => "tcp",
            },
            links,
            machine is null ? null : Math.Min(ranks, machine.Devices),
            options.Memory!.Value,
            [
                new BenchmarkCase(
                    operation,
                    CollectiveDataType.Float32,
                    operation.Reduces ? ReduceOp.Sum : null,
                    Root: 0,
                    options.InPlace || operation.InPlace == InPlaceForm.Always,
                    counts
                ),
            ],
            Pace.OfRound(options.Iterations, options.Seconds, options.Rounds, options.OnStream ? Pace.StreamBatch : 1),
            options.Deadline
        );

    private async Task MeasureAsync(BenchmarkJob job, Action<string> progress, CancellationToken cancellationToken)
    {
        var rounds = systems.ToDictionary(system => system, _ => new List<IReadOnlyList<Measurement>>());
        var one = job.Cases.Single();
        var first = ByteSize.Format(one.Bytes(job.Ranks, one.Counts[0]));
        var last = ByteSize.Format(one.Bytes(job.Ranks, one.Counts[^1]));
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var system in round % 2 == 0 ? systems : systems.Reverse())
            {
                progress(
                    $"{one.Operation.Name}, {job.Ranks} {(job.Ranks == 1 ? "rank" : "ranks")}, {first} to {last}, "
                        + $"round {round + 1} of {options.Rounds}: {system.Name}"
                );
                List<Measurement> measurements = [];
                await system.MeasureAsync(job, (_, measurement) => measurements.Add(measurement), cancellationToken);
                rounds[system]
                    .Add(
                        measurements.Find(measurement => measurement.Unsupported is not null) is { } unsupported
                            ? throw new ToolException(unsupported.Unsupported!)
                            : measurements
                    );
            }
        }

        for (var i = 0; i < one.Counts.Count; i++)
        {
            var rows = systems
                .Select(system =>
                    Row.Of(system, job, one, Measurement.Combine([.. rounds[system].Select(round => round[i])]))
                )
                .ToList();
            Result.Rows.AddRange(rows);
            Result.Ratios.AddRange(rows.Skip(1).Select(peer => Ratio.Of(rows[0], peer)));
        }
    }
}
