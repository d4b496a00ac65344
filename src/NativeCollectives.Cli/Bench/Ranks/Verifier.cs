namespace NativeCollectives.Cli.Bench;

/// <summary>Fills a rank's buffers before a checked operation, and counts the wrong elements afterwards.</summary>
/// <param name="one">The operation.</param>
/// <param name="rank">The own rank.</param>
/// <param name="ranks">The number of ranks.</param>
/// <param name="seed">Other seeds, other numbers; alike on all ranks.</param>
internal sealed unsafe class Verifier(BenchmarkCase one, int rank, int ranks, int seed)
{
    private readonly Pattern _pattern = new(one.Type, one.ReduceOp, ranks, seed);
    private readonly BenchmarkOperation _operation = one.Operation;

    /// <summary>Spoils the output, and then writes the own input, which may be part of it.</summary>
    public void Prepare(byte* input, byte* output, long count)
    {
        if (!_operation.MovesData)
        {
            return;
        }

        _pattern.Spoil(output, _operation.OutputElements(ranks, count));
        if (!_operation.InputAtRoot || rank == one.Root)
        {
            _pattern.Fill(input, _operation.InputElements(ranks, count), rank);
        }
    }

    /// <summary>The number of wrong elements of the own result.</summary>
    public long Errors(byte* output, long count)
    {
        if (!_operation.MovesData || (_operation.ResultAtRoot && rank != one.Root))
        {
            return 0;
        }

        long errors = 0;
        int blocks = _operation.OutputPerRank ? ranks : 1;
        for (int block = 0; block < blocks; block++)
        {
            BlockSource source = _operation.Source(rank, ranks, one.Root, block, count);
            errors += _pattern.Errors(output + (block * count * one.ElementSize), count, source);
        }

        return errors;
    }
}
