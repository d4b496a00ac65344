using System.Runtime.InteropServices;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>
/// Calls one operation on this rank, and compares the result with its definition, the operands of all ranks being
/// known.
/// </summary>
/// <remarks>
/// Where the rules tell in which order a sum is made, it is compared bit for bit; elsewhere it may be rounded
/// differently.
/// </remarks>
internal sealed class OperationCall<T, TElement> : IDisposable
    where T : unmanaged
    where TElement : IElement<T>
{
    // Elements on either side of a buffer that nobody may touch.
    private const int Guard = 5;
    private const byte Untouched = 0xA5;

    private readonly BackendRules _rules;
    private readonly OperationCase _case;
    private readonly ulong _seed;
    private readonly List<string> _wrong;
    private readonly Digest? _digest;
    private readonly int _size;
    private readonly int _rank;
    private readonly int _count;
    private readonly string _operation;
    private readonly ReduceOp _op;
    private readonly bool _inPlace;
    private readonly Caller<T> _call;
    private readonly List<(string Name, T[] Whole)> _guarded = [];

    public OperationCall(
        DistributedGroup group,
        BackendRules rules,
        OperationCase next,
        ulong seed,
        List<string> wrong,
        Digest? digest
    )
    {
        (_rules, _case, _seed, _wrong, _digest) = (rules, next, seed, wrong, digest);
        (_size, _rank, _count) = (group.Size, group.Rank, next.Count);
        var parts = next.Operation.Split('.');
        _operation = parts[0];
        _op = parts.Length > 1 ? Enum.Parse<ReduceOp>(parts[1]) : ReduceOp.Sum;
        _inPlace = next.Form == CallForm.InPlace;
        _call = Caller<T>.Of(group, next.Place, next.Form);
    }

    public void Dispose() => _call.Dispose();

    public void Run()
    {
        switch (_operation)
        {
            case "AllReduce":
                AllReduce();
                break;
            case "AllGather":
                AllGather();
                break;
            case "AllGatherUneven":
                AllGatherUneven();
                break;
            case "ReduceScatter":
                ReduceScatter();
                break;
            case "ReduceScatterUneven":
                ReduceScatterUneven();
                break;
            case "Broadcast":
                Broadcast();
                break;
            case "Reduce":
                Reduce();
                break;
            case "Gather":
                Gather();
                break;
            case "GatherUneven":
                GatherUneven();
                break;
            case "Scatter":
                Scatter();
                break;
            case "ScatterUneven":
                ScatterUneven();
                break;
            case "AllToAll":
                AllToAll();
                break;
            case "AllToAllUneven":
                AllToAllUneven();
                break;
            case "SendReceive":
                SendReceive();
                break;
            default:
                throw new ArgumentException($"unknown operation {_operation}");
        }
        foreach (var (name, whole) in _guarded)
        {
            var bytes = MemoryMarshal.AsBytes(whole.AsSpan());
            var edge = Guard * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
            if (bytes[..edge].ContainsAnyExcept(Untouched) || bytes[^edge..].ContainsAnyExcept(Untouched))
            {
                Complain($"wrote outside of {name}");
            }
        }
    }

    private void AllReduce()
    {
        var operands = Operands(0, _count, ordered: true);
        var expected = _rules.AllReduce<T, TElement>(operands, _op);
        var (input, output) = Buffers(operands[_rank], _count);
        _call.AllReduce(input, output, _op);
        _call.Finish();
        Reduced(output, expected, operands);
        Unchanged(input, operands[_rank]);
        _digest?.Add(MemoryMarshal.AsBytes(output.Span));
    }

    private void AllGather()
    {
        var operands = Operands(0, _count);
        var (input, output) = Blocks(operands[_rank], _count * _size, _rank * _count);
        _call.AllGather(input, output);
        _call.Finish();
        Same("output", output, Definitions.Concatenate(operands));
        Unchanged(input, operands[_rank]);
    }

    private static long[] Long(int[] counts) => [.. counts.Select(count => (long)count)];

    private void AllGatherUneven()
    {
        var counts = Counts();
        var offsets = Definitions.Offsets(counts);
        T[][] operands = [.. counts.Select((count, rank) => Operand(rank, 0, count))];
        var (input, output) = Blocks(operands[_rank], offsets[_size], offsets[_rank]);
        _call.AllGather(input, output, Long(counts));
        _call.Finish();
        Same("output", output, Definitions.Concatenate(operands));
        Unchanged(input, operands[_rank]);
    }

    private void ReduceScatter()
    {
        var operand = Operand(_rank, 0, _count * _size);
        var input = Guarded("input", operand);
        var output = _inPlace ? input.Slice(_rank * _count, _count) : Guarded("output", _count);
        _call.ReduceScatter(input, output, _op);
        _call.Finish();
        Reduced(output, Operands(_rank * _count, _count));
        Unchanged(input, operand);
    }

    private void ReduceScatterUneven()
    {
        var counts = Counts();
        var offsets = Definitions.Offsets(counts);
        var operand = Operand(_rank, 0, offsets[_size]);
        var input = Guarded("input", operand);
        var output = _inPlace ? input.Slice(offsets[_rank], counts[_rank]) : Guarded("output", counts[_rank]);
        _call.ReduceScatter(input, output, Long(counts), _op);
        _call.Finish();
        Reduced(output, Operands(offsets[_rank], counts[_rank]));
        Unchanged(input, operand);
    }

    private void Broadcast()
    {
        var buffer = Guarded("buffer", Operand(_rank, 0, _count));
        _call.Broadcast(buffer, _case.Root);
        _call.Finish();
        Same("buffer", buffer, Operand(_case.Root, 0, _count));
    }

    private void Reduce()
    {
        var operand = Operand(_rank, 0, _count);
        var isRoot = _rank == _case.Root;
        var input = Guarded("input", operand);
        var output =
            !isRoot ? default
            : _inPlace ? input
            : Guarded("output", _count);
        _call.Reduce(input, output, _op, _case.Root);
        _call.Finish();
        if (isRoot)
        {
            Reduced(output, Operands(0, _count));
        }
        if (!isRoot || !_inPlace)
        {
            Same("input", input, operand);
        }
    }

    private void Gather()
    {
        var operand = Operand(_rank, 0, _count);
        var isRoot = _rank == _case.Root;
        var (input, output) = isRoot
            ? Blocks(operand, _count * _size, _rank * _count)
            : (Guarded("input", operand), default);
        _call.Gather(input, output, _case.Root);
        _call.Finish();
        if (isRoot)
        {
            Same("output", output, Definitions.Concatenate(Operands(0, _count)));
        }
        Same("input", input, operand);
    }

    private void GatherUneven()
    {
        var counts = Counts();
        var offsets = Definitions.Offsets(counts);
        var operand = Operand(_rank, 0, counts[_rank]);
        var isRoot = _rank == _case.Root;
        var (input, output) = isRoot
            ? Blocks(operand, offsets[_size], offsets[_rank])
            : (Guarded("input", operand), default);
        _call.Gather(input, output, Long(counts), _case.Root);
        _call.Finish();
        if (isRoot)
        {
            Same("output", output, Definitions.Concatenate(counts.Select((count, rank) => Operand(rank, 0, count))));
        }
        Same("input", input, operand);
    }

    private void Scatter()
    {
        var isRoot = _rank == _case.Root;
        var operand = isRoot ? Operand(_rank, 0, _count * _size) : [];
        var input = isRoot ? Guarded("input", operand) : default;
        var output = isRoot && _inPlace ? input.Slice(_rank * _count, _count) : Guarded("output", _count);
        _call.Scatter(input, output, _case.Root);
        _call.Finish();
        Same("output", output, Operand(_case.Root, _rank * _count, _count));
        if (isRoot)
        {
            Same("input", input, operand);
        }
    }

    private void ScatterUneven()
    {
        var counts = Counts();
        var offsets = Definitions.Offsets(counts);
        var isRoot = _rank == _case.Root;
        var operand = isRoot ? Operand(_rank, 0, offsets[_size]) : [];
        var input = isRoot ? Guarded("input", operand) : default;
        var output = isRoot && _inPlace ? input.Slice(offsets[_rank], counts[_rank]) : Guarded("output", counts[_rank]);
        _call.Scatter(input, output, Long(counts), _case.Root);
        _call.Finish();
        Same("output", output, Operand(_case.Root, offsets[_rank], counts[_rank]));
        if (isRoot)
        {
            Same("input", input, operand);
        }
    }

    private void AllToAll()
    {
        var operand = Operand(_rank, 0, _count * _size);
        var input = Guarded("input", operand);
        var output = Guarded("output", _count * _size);
        _call.AllToAll(input, output);
        _call.Finish();
        Same("output", output, Definitions.Concatenate(Operands(_rank * _count, _count)));
        Same("input", input, operand);
    }

    private void AllToAllUneven()
    {
        // What source gives destination: nothing in a third of the pairs.
        int Given(int source, int destination) =>
            (source + (2 * destination)) % 3 == 1 ? 0 : _count + (((source * 5) + (destination * 3)) % 7);
        int[] Row(int source) => [.. Enumerable.Range(0, _size).Select(destination => Given(source, destination))];

        var inputCounts = Row(_rank);
        int[] outputCounts = [.. Enumerable.Range(0, _size).Select(source => Given(source, _rank))];
        var operand = Operand(_rank, 0, inputCounts.Sum());
        var input = Guarded("input", operand);
        var output = Guarded("output", outputCounts.Sum());
        _call.AllToAll(input, Long(inputCounts), output, Long(outputCounts));
        _call.Finish();
        Same(
            "output",
            output,
            Definitions.Concatenate(
                Enumerable
                    .Range(0, _size)
                    .Select(source => Operand(source, Definitions.Offsets(Row(source))[_rank], outputCounts[source]))
            )
        );
        Same("input", input, operand);
    }

    // In a ring to the right neighbour, or in the second form to the left one; otherwise to anybody.
    private void SendReceive()
    {
        var operand = Operand(_rank, 0, _count);
        var step = _rules.OnlyNeighbours
            ? _inPlace
                ? _size - 1
                : 1
            : 1 + (_case.Root % (_size - 1));
        var to = (_rank + step) % _size;
        var from = (_rank + _size - step) % _size;
        var input = Guarded("input", operand);
        var output = Guarded("output", _count);
        // Over TCP all may send before they receive, or every second one; otherwise a send may last until it is
        // received, so the ranks send one after the other.
        if (_rules.SendsLast ? _rank < from : _call.IsAsync || _rank % 2 == 0)
        {
            _call.Send(input, to);
            _call.Receive(output, from);
        }
        else
        {
            _call.Receive(output, from);
            _call.Send(input, to);
        }
        _call.Finish();
        Same("output", output, Operand(from, 0, _count));
        Same("input", input, operand);
    }

    // ---- operands ---------------------------------------------------------------------------------------------------

    // Elements [offset, offset + length) of a rank's operand: no more is made than is needed.
    private T[] Operand(int rank, int offset, int length, bool ordered = false)
    {
        var operand = new T[length];
        var element = Element(ordered);
        for (var i = 0; i < length; i++)
        {
            operand[i] = element(Samples.At(_seed, rank, offset + i));
        }
        return operand;
    }

    // The same part of every rank's operand.
    private T[][] Operands(int offset, int length, bool ordered = false) =>
        [.. Enumerable.Range(0, _size).Select(rank => Operand(rank, offset, length, ordered))];

    // Whether the order in which this operation combines is known.
    private bool IsExact =>
        _rules.IsExact(_operation, _size, (long)_count * System.Runtime.CompilerServices.Unsafe.SizeOf<T>());

    // Makes an element of 64 random bits.
    private Func<ulong, T> Element(bool ordered)
    {
        if (_operation is not ("AllReduce" or "ReduceScatter" or "ReduceScatterUneven" or "Reduce"))
        {
            return TElement.FromBits;
        }
        return _op switch
        {
            // The sum is a small multiple of the size, so that its division is exact.
            ReduceOp.Average when TElement.IsFloating => random => TElement.FromSmall(Small(random) % 4 * _size),
            ReduceOp.Average => random => TElement.FromSmall(Small(random)),
            ReduceOp.Product => TElement.Power,
            ReduceOp.Sum when ordered => TElement.Spread,
            // Which of two not-a-numbers or of two zeros is greater, only the order tells.
            ReduceOp.Max or ReduceOp.Min when ordered && IsExact => TElement.Comparable,
            _ when TElement.IsFloating => random => TElement.FromSmall(Small(random)),
            _ => TElement.FromBits,
        };
    }

    private static int Small(ulong random)
    {
        var small = (int)(random % 8);
        return TElement.IsSigned && (random & 256) != 0 ? -small : small;
    }

    // About count elements each, none for one of the ranks.
    private int[] Counts() =>
        [.. Enumerable.Range(0, _size).Select(rank => _size > 1 && rank == (_count + 1) % _size ? 0 : _count + rank)];

    // ---- buffers ----------------------------------------------------------------------------------------------------

    private Memory<T> Guarded(string name, int length)
    {
        var whole = new T[length + (2 * Guard)];
        MemoryMarshal.AsBytes(whole.AsSpan()).Fill(Untouched);
        _guarded.Add((name, whole));
        return whole.AsMemory(Guard, length);
    }

    private Memory<T> Guarded(string name, T[] content)
    {
        var memory = Guarded(name, content.Length);
        content.CopyTo(memory);
        return memory;
    }

    // An input and an output of equal length, the same one in place.
    private (Memory<T> Input, Memory<T> Output) Buffers(T[] operand, int count)
    {
        var input = Guarded("input", operand);
        return (input, _inPlace ? input : Guarded("output", count));
    }

    // An input that in place is a block of the output.
    private (Memory<T> Input, Memory<T> Output) Blocks(T[] operand, int length, int offset)
    {
        var output = Guarded("output", length);
        if (!_inPlace)
        {
            return (Guarded("input", operand), output);
        }
        var input = output.Slice(offset, operand.Length);
        operand.CopyTo(input);
        return (input, output);
    }

    // ---- verdicts ---------------------------------------------------------------------------------------------------

    private void Unchanged(Memory<T> input, T[] operand)
    {
        if (!_inPlace)
        {
            Same("input", input, operand);
        }
    }

    private void Reduced(Memory<T> output, T[][] operands) =>
        Reduced(output, Definitions.Reduce<T, TElement>(operands, _op), operands);

    private void Reduced(Memory<T> output, T[] expected, T[][] operands)
    {
        if (IsExact || !TElement.IsFloating || _op is not (ReduceOp.Sum or ReduceOp.Average))
        {
            Same("output", output, expected);
            return;
        }
        var actual = output.Span;
        for (var i = 0; i < expected.Length; i++)
        {
            // Each addition, and a division before or after them, is off by at most half a unit in the last place of
            // what has been added so far.
            var scale = operands.Sum(operand => TElement.Magnitude(operand[i])) / (_op == ReduceOp.Average ? _size : 1);
            if (!(TElement.Distance(actual[i], expected[i]) <= (_size + 1) * TElement.Precision * scale))
            {
                Complain($"output[{i}] of {expected.Length} is {actual[i]}, expected is about {expected[i]}");
                return;
            }
        }
    }

    private void Same(string name, Memory<T> actual, T[] expected)
    {
        ReadOnlySpan<byte> got = MemoryMarshal.AsBytes(actual.Span);
        ReadOnlySpan<byte> want = MemoryMarshal.AsBytes(expected.AsSpan());
        if (got.SequenceEqual(want))
        {
            return;
        }
        if (actual.Length != expected.Length)
        {
            Complain($"{name} has {actual.Length} elements, expected are {expected.Length}");
            return;
        }
        var item = got.Length / actual.Length;
        var at = got.CommonPrefixLength(want) / item;
        var gotBytes = Convert.ToHexString(got.Slice(at * item, item));
        var wantBytes = Convert.ToHexString(want.Slice(at * item, item));
        Complain(
            $"{name}[{at}] of {actual.Length} is {actual.Span[at]} (bytes {gotBytes}), expected is {expected[at]} "
                + $"(bytes {wantBytes})"
        );
    }

    private void Complain(string what) => _wrong.Add($"{_case}, rank {_rank} of {_size}{_rules}: {what}");
}
