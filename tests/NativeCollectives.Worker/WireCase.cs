using System.Globalization;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>One operation whose work requests are compared with the specification's.</summary>
public sealed record WireCase
{
    /// <summary>
    /// AllReduce.Sum, AllReduce.Max, ReduceScatter.Sum, AllGather, Send (from <see cref="From"/> to <see cref="To"/>),
    /// Barrier.
    /// </summary>
    public required string Operation { get; init; }
    public string Type { get; init; } = nameof(Single);

    /// <summary>Elements of the operand; of a reduce-scatter those of the result.</summary>
    public int Count { get; init; }
    public int From { get; init; }
    public int To { get; init; }

    /// <summary>
    /// Element <paramref name="index"/> of a rank's operand: so small that the sum of four is a byte, and exact in
    /// every type.
    /// </summary>
    public static int Element(int rank, long index) => (int)(((index * 7) + (rank * 13)) % 61) + 1;

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Operation} of {Count} {Type}{(Operation == "Send" ? $" from {From} to {To}" : "")}"
        );
}

/// <summary>Runs such operations, and has each recorded in a file of its own.</summary>
internal static class WireRun
{
    public static void Run(DistributedGroup group, Command command)
    {
        var cases = command.Wire ?? [];
        for (var number = 0; number < cases.Length; number++)
        {
            SoftVerbs.SetRecord(
                Path.Combine(
                    command.Operation,
                    string.Create(CultureInfo.InvariantCulture, $"{number}-{group.Rank}.jsonl")
                )
            );
            var next = cases[number];
            switch (next.Type)
            {
                case nameof(Single):
                    Run<float, FloatElement<float>>(group, next);
                    break;
                case nameof(Double):
                    Run<double, FloatElement<double>>(group, next);
                    break;
                case nameof(Int64):
                    Run<long, IntegerElement<long>>(group, next);
                    break;
                case nameof(Byte):
                    Run<byte, IntegerElement<byte>>(group, next);
                    break;
                case nameof(BFloat16):
                    Run<BFloat16, BFloat16Element>(group, next);
                    break;
                default:
                    throw new ArgumentException($"unknown type {next.Type}");
            }
        }
        SoftVerbs.SetRecord(null);
    }

    private static void Run<T, TElement>(DistributedGroup group, WireCase next)
        where T : unmanaged
        where TElement : IElement<T>
    {
        T[] Operand(int count) =>
            [.. Enumerable.Range(0, count).Select(i => TElement.FromSmall(WireCase.Element(group.Rank, i)))];

        switch (next.Operation)
        {
            case "AllReduce.Sum":
                group.AllReduce<T>(Operand(next.Count), new T[next.Count], ReduceOp.Sum);
                break;
            case "AllReduce.Max":
                group.AllReduce<T>(Operand(next.Count), new T[next.Count], ReduceOp.Max);
                break;
            case "ReduceScatter.Sum":
                group.ReduceScatter<T>(Operand(next.Count * group.Size), new T[next.Count], ReduceOp.Sum);
                break;
            case "AllGather":
                group.AllGather<T>(Operand(next.Count), new T[next.Count * group.Size]);
                break;
            case "Send" when group.Rank == next.From:
                group.Send<T>(Operand(next.Count), next.To);
                break;
            case "Send" when group.Rank == next.To:
                group.Receive<T>(new T[next.Count], next.From);
                break;
            case "Send":
                break;
            case "Barrier":
                group.Barrier();
                break;
            default:
                throw new ArgumentException($"unknown operation {next.Operation}");
        }
    }
}
