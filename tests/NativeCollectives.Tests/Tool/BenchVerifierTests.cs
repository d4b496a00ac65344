using System.Runtime.InteropServices;
using NativeCollectives.Cli.Bench;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Tests.Tool;

/// <summary>
/// The check of <c>collectives bench</c> accepts what an operation's definition, in the tests' own arithmetic of each
/// type, makes of the inputs that it gave to the ranks; and it counts what is wrong.
/// </summary>
[Category("Unit")]
public sealed class BenchVerifierTests
{
    private const int Count = 67;

    [Test]
    public void RightResultsAreAcceptedAndWrongElementsCounted(
        [ValueSource(nameof(Operations))] string name,
        [Values] CollectiveDataType type
    )
    {
        var operation = BenchmarkOperation.Find(name);
        foreach (var ranks in new[] { 1, 2, 4 }.Where(ranks => ranks >= operation.MinRanks))
        {
            foreach (
                ReduceOp? op in operation.Reduces
                    ? Enum.GetValues<ReduceOp>().Where(op => op <= ReduceOp.Average).Select(op => (ReduceOp?)op)
                    : [null]
            )
            {
                if (op is not { } defined || ReduceOps.IsDefined(defined, type))
                {
                    Verify(
                        new BenchmarkCase(
                            operation,
                            type,
                            op,
                            operation.HasRoot ? ranks - 1 : 0,
                            InPlace: false,
                            [Count]
                        ),
                        ranks
                    );
                }
            }
        }
    }

    /// <summary>With many ranks the sums of small types neither overflow nor are they rounded.</summary>
    [Test]
    public void SumsOfManyRanksStayExact(
        [Values(
            CollectiveDataType.Int8,
            CollectiveDataType.UInt8,
            CollectiveDataType.Float16,
            CollectiveDataType.BFloat16
        )]
            CollectiveDataType type,
        [Values(ReduceOp.Sum, ReduceOp.Product)] ReduceOp op
    ) =>
        Verify(
            new BenchmarkCase(BenchmarkOperation.Find("all-reduce"), type, op, 0, InPlace: false, [Count]),
            ranks: 100
        );

    [Test]
    public unsafe void BlocksLongerThanAPeriodAreCheckedToTheEnd()
    {
        const int Long = (2 * Pattern.Period) + 5;
        var one = new BenchmarkCase(
            BenchmarkOperation.Find("all-gather"),
            CollectiveDataType.Int16,
            null,
            0,
            InPlace: false,
            [Long]
        );
        var verifier = new Verifier(one, rank: 0, ranks: 2, seed: 0);
        var input = new short[Long];
        var output = new short[2 * Long];
        fixed (
            short* from = input,
                to = output
        )
        {
            verifier.Prepare((byte*)from, (byte*)to, Long);
            Assert.That(verifier.Errors((byte*)to, Long), Is.EqualTo(2 * Long), "nothing has been written");
            new Pattern(one.Type, null, 2, 0).Fill((byte*)to, Long, rank: 0);
            new Pattern(one.Type, null, 2, 0).Fill((byte*)(to + Long), Long, rank: 1);
            Assert.That(verifier.Errors((byte*)to, Long), Is.Zero);
            output[^1]++;
            output[Long - 1]++;
            output[0]++;
            Assert.That(verifier.Errors((byte*)to, Long), Is.EqualTo(3));
        }
    }

    [Test]
    public unsafe void EveryCheckHasOtherNumbers()
    {
        var first = new int[Count];
        var second = new int[Count];
        fixed (
            int* one = first,
                other = second
        )
        {
            new Pattern(CollectiveDataType.Int32, null, 2, seed: 0).Fill((byte*)one, Count, rank: 1);
            new Pattern(CollectiveDataType.Int32, null, 2, seed: 1).Fill((byte*)other, Count, rank: 1);
        }
        Assert.That(first, Is.Not.EqualTo(second));
    }

    private static IEnumerable<string> Operations =>
        BenchmarkOperation.All.Where(operation => operation.MovesData).Select(operation => operation.Name);

    private static void Verify(BenchmarkCase one, int ranks)
    {
        switch (one.Type)
        {
            case CollectiveDataType.Boolean:
                Verify<bool, BooleanElement>(one, ranks);
                break;
            case CollectiveDataType.Int8:
                Verify<sbyte, IntegerElement<sbyte>>(one, ranks);
                break;
            case CollectiveDataType.Int16:
                Verify<short, IntegerElement<short>>(one, ranks);
                break;
            case CollectiveDataType.Int32:
                Verify<int, IntegerElement<int>>(one, ranks);
                break;
            case CollectiveDataType.Int64:
                Verify<long, IntegerElement<long>>(one, ranks);
                break;
            case CollectiveDataType.UInt8:
                Verify<byte, IntegerElement<byte>>(one, ranks);
                break;
            case CollectiveDataType.UInt16:
                Verify<ushort, IntegerElement<ushort>>(one, ranks);
                break;
            case CollectiveDataType.UInt32:
                Verify<uint, IntegerElement<uint>>(one, ranks);
                break;
            case CollectiveDataType.UInt64:
                Verify<ulong, IntegerElement<ulong>>(one, ranks);
                break;
            case CollectiveDataType.Float16:
                Verify<Half, HalfElement>(one, ranks);
                break;
            case CollectiveDataType.BFloat16:
                Verify<BFloat16, BFloat16Element>(one, ranks);
                break;
            case CollectiveDataType.Float32:
                Verify<float, FloatElement<float>>(one, ranks);
                break;
            case CollectiveDataType.Float64:
                Verify<double, FloatElement<double>>(one, ranks);
                break;
            default:
                Verify<Complex64, ComplexElement>(one, ranks);
                break;
        }
    }

    private static unsafe void Verify<T, TElement>(BenchmarkCase one, int ranks)
        where T : unmanaged
        where TElement : IElement<T>
    {
        var inputs = new T[ranks][];
        var outputs = new T[ranks][];
        var verifiers = new Verifier[ranks];
        for (var rank = 0; rank < ranks; rank++)
        {
            verifiers[rank] = new Verifier(one, rank, ranks, seed: 0);
            inputs[rank] = new T[one.Operation.InputElements(ranks, Count)];
            outputs[rank] = new T[one.Operation.OutputElements(ranks, Count)];
            fixed (
                T* input = inputs[rank],
                    output = outputs[rank]
            )
            {
                verifiers[rank].Prepare((byte*)input, (byte*)output, Count);
            }
        }

        foreach (var rank in new[] { 0, ranks - 1 }.Distinct())
        {
            var label = $"{one.Operation.Name} {one.Type} {one.ReduceOp}, rank {rank} of {ranks}";
            var right = Result<T, TElement>(one, inputs, rank);
            if (right is null)
            {
                Assert.That(Errors(verifiers[rank], outputs[rank]), Is.Zero, $"{label}: there is no result to check");
                continue;
            }
            Assert.That(Errors(verifiers[rank], right), Is.Zero, label);
            Assert.That(
                Errors(verifiers[rank], outputs[rank]),
                Is.EqualTo(right.Length),
                $"{label}: nothing has been written"
            );
            foreach (var index in new[] { 0, Count / 2, right.Length - 1 })
            {
                var kept = right[index];
                MemoryMarshal.AsBytes(right.AsSpan(index, 1)).Fill(0xFF);
                Assert.That(Errors(verifiers[rank], right), Is.EqualTo(1), $"{label}: element {index} is wrong");
                right[index] = kept;
            }
            // The last rank's contribution is lost. It may have been such that the result is the same, of few truth
            // values for example.
            var lost = Result<T, TElement>(one, [.. inputs[..^1], inputs[0]], rank)!;
            if (!lost.SequenceEqual(right))
            {
                var different = lost.Zip(right).Count(pair => !pair.First.Equals(pair.Second));
                // An average may be rounded.
                Assert.That(
                    Errors(verifiers[rank], lost),
                    one.ReduceOp == ReduceOp.Average ? Is.InRange(1, different) : Is.EqualTo(different),
                    $"{label}: without the last rank"
                );
            }
        }
    }

    private static unsafe long Errors<T>(Verifier verifier, T[] output)
        where T : unmanaged
    {
        fixed (T* memory = output)
        {
            return verifier.Errors((byte*)memory, Count);
        }
    }

    /// <summary>What a rank gets, by the definition; null: nothing.</summary>
    private static T[]? Result<T, TElement>(BenchmarkCase one, T[][] inputs, int rank)
        where T : unmanaged
        where TElement : IElement<T>
    {
        var ranks = inputs.Length;
        T[] Block(T[] values, int index) => values[(index * Count)..((index + 1) * Count)];
        return one.Operation.Name switch
        {
            "all-reduce" or "all-reduces" or "all-reduce-batch" => Definitions.Reduce<T, TElement>(
                inputs,
                one.ReduceOp!.Value
            ),
            "reduce-scatter" => Block(Definitions.Reduce<T, TElement>(inputs, one.ReduceOp!.Value), rank),
            "reduce" => rank == one.Root ? Definitions.Reduce<T, TElement>(inputs, one.ReduceOp!.Value) : null,
            "all-gather" => Definitions.Concatenate(inputs),
            "gather" => rank == one.Root ? Definitions.Concatenate(inputs) : null,
            "broadcast" => [.. inputs[one.Root]],
            "scatter" => Block(inputs[one.Root], rank),
            "all-to-all" => Definitions.Concatenate(inputs.Select(input => Block(input, rank))),
            _ => [.. inputs[(rank + ranks - 1) % ranks]],
        };
    }
}
