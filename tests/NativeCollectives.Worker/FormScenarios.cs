using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>
/// The other forms of the operations: tensors and native buffers; and what is refused before a byte moves.
/// </summary>
internal static unsafe class FormScenarios
{
    public static Dictionary<string, Action<Scenario>> All { get; } =
        new()
        {
            ["tensors"] = Tensors,
            ["tensor_spans"] = TensorSpans,
            ["native_buffers"] = NativeBuffers,
            ["refused"] = Refused,
            ["not_neighbours"] = NotNeighbours,
            ["not_neighbours_named"] = NotNeighboursNamed,
            ["arrays"] = Arrays,
        };

    private static Tensor<float> Matrix(int rows, int columns, Func<int, float> value) =>
        Tensor.Create([.. Enumerable.Range(0, rows * columns).Select(value)], [rows, columns]);

    private static void Tensors(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);

        var sum = Matrix(3, 4, i => i + rank);
        group.AllReduce(sum);
        Scenario.Same(sum, Matrix(3, 4, i => (i * size) + (size * (size - 1) / 2)), "AllReduce");
        var max = Matrix(2, 2, i => i + rank);
        group.AllReduce(max, ReduceOp.Max);
        Scenario.Same(max, Matrix(2, 2, i => i + size - 1), "AllReduce, maximum");
        var min = Matrix(2, 2, i => i + rank);
        group.AllReduce(min, ReduceOp.Min);
        Scenario.Same(min, Matrix(2, 2, i => i), "AllReduce, minimum");
        var product = Matrix(2, 2, i => 2);
        group.AllReduce(product, ReduceOp.Product);
        Scenario.Same(product, Matrix(2, 2, _ => 1 << size), "AllReduce, product");

        Scenario.Same(
            group.AllGather(Matrix(2, 3, i => (100 * rank) + i)),
            Tensor.Create(
                [.. Enumerable.Range(0, size).SelectMany(r => Enumerable.Range(0, 6).Select(i => (100f * r) + i))],
                [2 * size, 3]
            ),
            "AllGather"
        );
        // .NET's tensors know no scalars: a tensor of one element is the next best.
        Scenario.Same(
            group.AllGather(Tensor.Create<float>([rank])),
            Tensor.Create([.. Enumerable.Range(0, size).Select(r => (float)r)]),
            "AllGather of one element"
        );

        Scenario.Same(
            group.ReduceScatter(Matrix(2 * size, 3, i => i)),
            Matrix(2, 3, i => size * (i + (6f * rank))),
            "ReduceScatter"
        );
        if (size > 1)
        {
            Scenario.Throws<ArgumentException>(
                () => group.ReduceScatter(Matrix((2 * size) + 1, 3, i => i)),
                "ReduceScatter of a length that cannot be shared"
            );
        }

        var sent = Matrix(4, 4, i => (1000 * rank) + i);
        group.Broadcast(sent, size - 1);
        Scenario.Same(sent, Matrix(4, 4, i => (1000 * (size - 1)) + i), "Broadcast");

        // A part of a larger tensor, not contiguous: rows 1 and 2, columns 1 to 3 of 4 × 6.
        var whole = Matrix(4, 6, i => i + rank);
        var part = whole.Slice([new NRange(1, 3), new NRange(1, 4)]);
        Scenario.True(!part.IsDense, "the part is not dense");
        group.AllReduce(part);
        var total = size * (size - 1) / 2;
        Scenario.Same(
            whole,
            Matrix(4, 6, i => i / 6 is 1 or 2 && i % 6 is >= 1 and < 4 ? (i * size) + total : i + rank),
            "AllReduce of a part"
        );
        Scenario.Same(
            group.AllGather(Matrix(4, 6, i => i + (10 * rank)).Slice([new NRange(1, 3), new NRange(1, 4)])),
            Tensor.Create(
                [
                    .. Enumerable
                        .Range(0, size)
                        .SelectMany(r => new[] { 7, 8, 9, 13, 14, 15 }.Select(i => i + (10f * r))),
                ],
                [2 * size, 3]
            ),
            "AllGather of parts"
        );
    }

    private static void TensorSpans(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        var values = Enumerable.Range(0, 12).Select(i => i + rank).ToArray();
        group.AllReduce(new TensorSpan<int>(values, [3, 4]));
        Scenario.Same<int>(
            values,
            [.. Enumerable.Range(0, 12).Select(i => (i * size) + (size * (size - 1) / 2))],
            "AllReduce"
        );

        var gathered = new int[12 * size];
        group.AllGather(
            new ReadOnlyTensorSpan<int>([.. Enumerable.Range(0, 12).Select(i => i + (100 * rank))], [3, 4]),
            new TensorSpan<int>(gathered, [3 * size, 4])
        );
        Scenario.Same<int>(
            gathered,
            [.. Enumerable.Range(0, size).SelectMany(r => Enumerable.Range(0, 12).Select(i => i + (100 * r)))],
            "AllGather"
        );

        var scattered = new int[4];
        group.ReduceScatter(
            new ReadOnlyTensorSpan<int>([.. Enumerable.Range(0, 4 * size)], [size, 4]),
            new TensorSpan<int>(scattered, [1, 4]),
            ReduceOp.Sum
        );
        Scenario.Same<int>(scattered, [.. Enumerable.Range(4 * rank, 4).Select(i => i * size)], "ReduceScatter");

        if (size > 1)
        {
            // every second column
            var wide = Enumerable.Range(0, 16).Select(i => i + (1000 * rank)).ToArray();
            var columns = new ReadOnlyTensorSpan<int>(wide, [4, 2], [4, 2]);
            var received = new int[8];
            if (rank % 2 == 0)
            {
                group.Send(columns, (rank + 1) % size);
                group.Receive(new TensorSpan<int>(received, [4, 2]), (rank + size - 1) % size);
            }
            else
            {
                group.Receive(new TensorSpan<int>(received, [4, 2]), (rank + size - 1) % size);
                group.Send(columns, (rank + 1) % size);
            }
            var left = (rank + size - 1) % size;
            Scenario.Same<int>(
                received,
                [.. Enumerable.Range(0, 8).Select(i => (i * 2) + (1000 * left))],
                "Send and Receive of every second column"
            );
        }
    }

    private static void NativeBuffers(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        const int Length = 1000;
        var input = (float*)NativeMemory.Alloc(Length, sizeof(float));
        var output = (float*)NativeMemory.Alloc((nuint)(Length * size), sizeof(float));
        try
        {
            for (var i = 0; i < Length; i++)
            {
                input[i] = i + rank;
            }
            group.Raw.AllReduce(input, output, Length, CollectiveDataType.Float32, ReduceOp.Sum);
            Scenario.Same<float>(
                new ReadOnlySpan<float>(output, Length),
                [.. Enumerable.Range(0, Length).Select(i => (float)((i * size) + (size * (size - 1) / 2)))],
                "AllReduce"
            );
            group.Raw.AllGather(input, output, Length, CollectiveDataType.Float32);
            Scenario.Same<float>(
                new ReadOnlySpan<float>(output, Length * size),
                [.. Enumerable.Range(0, size).SelectMany(r => Enumerable.Range(0, Length).Select(i => (float)(i + r)))],
                "AllGather"
            );
        }
        finally
        {
            NativeMemory.Free(input);
            NativeMemory.Free(output);
        }
    }

    // A mistake of one rank is found before any byte moves: the others know nothing of it, and the group goes on.
    private static void Refused(Scenario scenario)
    {
        var (group, size) = (scenario.Group, scenario.Size);
        if (scenario.Rank == 0)
        {
            Scenario.Throws<ArgumentException>(
                () => group.AllReduce<float>(new float[3], new float[4], ReduceOp.Sum),
                "lengths differ"
            );
            Scenario.Throws<ArgumentException>(
                () => group.AllGather<float>(new float[3], new float[(3 * size) + 1]),
                "output too long"
            );
            Scenario.Throws<ArgumentException>(
                () => group.ReduceScatter<float>(new float[(3 * size) - 1], new float[3], ReduceOp.Sum),
                "input too short"
            );
            Scenario.Throws<ArgumentException>(() => group.Broadcast<float>(new float[3], size), "root out of range");
            Scenario.Throws<ArgumentException>(() => group.Broadcast<float>(new float[3], -1), "root below zero");
            Scenario.Throws<ArgumentException>(() => group.Send<float>(new float[3], size), "destination out of range");
            Scenario.Throws<ArgumentException>(() => group.Receive<float>(new float[3], -1), "source below zero");
            Scenario.Throws<ArgumentException>(
                () => group.AllReduce<float>(new float[3], (ReduceOp)17),
                "unknown reduction"
            );
            Scenario.Throws<ArgumentException>(
                () => group.AllReduce<bool>(new bool[3], ReduceOp.Average),
                "average of bools"
            );
#pragma warning disable NC0001 // what a program gets that suppresses the rule
            Scenario.Throws<ArgumentException>(
                () => group.AllReduce<decimal>(new decimal[3], ReduceOp.Sum),
                "an element type that is none"
            );
            Scenario.Throws<ArgumentException>(() => group.AllReduce<char>(new char[3], ReduceOp.Sum), "char");
#pragma warning restore NC0001
            Scenario.Throws<ArgumentException>(
                () => group.AllGather<float>(new float[2], new float[(2 * size) + 1], new long[size + 1]),
                "counts of too many ranks"
            );
            Scenario.Throws<ArgumentException>(
                () => group.AllSum<float>(new float[1], TimeSpan.Zero),
                "a timeout of zero"
            );
            Scenario.Throws<ArgumentException>(() => group.Split(-5), "a color below zero");
        }
        Scenario.True(!group.IsFaulted, "the group is not faulted");
        int[] sum = [1];
        group.AllSum<int>(sum);
        Scenario.True(sum[0] == size, "a sum afterwards");
    }

    // A ring moves messages between neighbours only; anything else is refused and harms nothing.
    private static void NotNeighbours(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        Scenario.Throws<NotSupportedException>(() => group.Send<int>([1], (rank + 2) % size), "send across");
        Scenario.Throws<NotSupportedException>(
            () => group.Receive<int>(new int[1], (rank + 2) % size),
            "receive from across"
        );
        Scenario.True(!group.IsFaulted, "the group is not faulted");
        int[] sum = [1];
        group.AllSum<int>(sum);
        Scenario.True(sum[0] == size, "a sum afterwards");
    }

    // Both ranks are named, and that it is for their not being neighbours.
    private static void NotNeighboursNamed(Scenario scenario)
    {
        var (group, rank) = (scenario.Group, scenario.Rank);
        var other = (rank + 2) % scenario.Size;
        foreach (
            var exception in new[]
            {
                Scenario.Throws<NotSupportedException>(() => group.Send<int>([1], other), "send across"),
                Scenario.Throws<NotSupportedException>(
                    () => group.Receive<int>(new int[1], other),
                    "receive from across"
                ),
                Scenario.Throws<NotSupportedException>(
                    () => group.SendAsync<int>(new[] { 1 }, other).GetAwaiter().GetResult(),
                    "asynchronous send across"
                ),
            }
        )
        {
            Scenario.True(
                exception.Message.Contains("neighbour", StringComparison.OrdinalIgnoreCase),
                $"why: {exception.Message}"
            );
            Scenario.True(
                exception.Message.Contains($"{other}", StringComparison.Ordinal),
                $"to whom: {exception.Message}"
            );
        }
        group.Barrier();
    }

    // The forms that return arrays.
    private static void Arrays(Scenario scenario)
    {
        var (group, rank, size) = (scenario.Group, scenario.Rank, scenario.Size);
        Scenario.Same<int>(
            group.AllGather<int>([rank, -rank]),
            [.. Enumerable.Range(0, size).SelectMany(r => new[] { r, -r })],
            "AllGather"
        );
        Scenario.Same<int>(group.AllGather<int>([]), [], "AllGather of nothing");
        Scenario.Same<int>(
            group.SumScatter<int>([.. Enumerable.Range(0, 2 * size)]),
            [2 * rank * size, ((2 * rank) + 1) * size],
            "ReduceScatter"
        );
    }
}
