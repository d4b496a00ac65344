using System.Globalization;
using System.Runtime.CompilerServices;
using NativeCollectives.Worker.Reference;

namespace NativeCollectives.Worker;

/// <summary>What a backend's wire specification says of results, and of sends.</summary>
internal abstract class BackendRules
{
    /// <summary>Whether sends and receives are between neighbours only.</summary>
    public abstract bool OnlyNeighbours { get; }

    /// <summary>Whether a send may last until it is received.</summary>
    public abstract bool SendsLast { get; }

    /// <summary>Those of the backend that a command is about.</summary>
    public static BackendRules Of(Command command) =>
        command.Shape is { } shape ? new JacclRules(shape)
        : command.Sockets > 0 ? new TcpRingRules(command.Sockets)
        : UnknownOrder.Rules;

    /// <summary>
    /// Whether an operation combines in an order that is known, so that results are the same to the bit; otherwise sums
    /// may be rounded differently.
    /// </summary>
    /// <param name="operation">The operation, without its operator.</param>
    /// <param name="size">The number of ranks.</param>
    /// <param name="bytes">The bytes of one operand, or block.</param>
    public abstract bool IsExact(string operation, int size, long bytes);

    /// <summary>The all-reduce of one operand per rank, in that order.</summary>
    public abstract T[] AllReduce<T, TElement>(T[][] operands, ReduceOp op)
        where T : unmanaged
        where TElement : IElement<T>;
}

/// <summary>NCCL: any order.</summary>
internal sealed class UnknownOrder : BackendRules
{
    public static UnknownOrder Rules { get; } = new();

    public override bool OnlyNeighbours => false;
    public override bool SendsLast => true;

    public override bool IsExact(string operation, int size, long bytes) => false;

    public override T[] AllReduce<T, TElement>(T[][] operands, ReduceOp op) =>
        Definitions.Reduce<T, TElement>(operands, op);

    public override string ToString() => "";
}

/// <summary>The ring over TCP.</summary>
internal sealed class TcpRingRules(int sockets) : BackendRules
{
    public override bool OnlyNeighbours => true;
    public override bool SendsLast => false;

    public override bool IsExact(string operation, int size, long bytes) => true;

    public override T[] AllReduce<T, TElement>(T[][] operands, ReduceOp op) =>
        Definitions.AllReduce<T, TElement>(operands, op, sockets);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $", {sockets} sockets");
}

/// <summary>JACCL's mesh or ring.</summary>
internal sealed class JacclRules(JacclShape shape) : BackendRules
{
    public override bool OnlyNeighbours => shape.IsRing;

    // Over queue pairs of either type a send has ended when the peer has taken it.
    public override bool SendsLast => true;

    // In a mesh the parts of a large all-reduce, and of a reduce-scatter, are combined in the order of their arrival.
    public override bool IsExact(string operation, int size, long bytes) =>
        operation == "AllReduce" && (shape.IsRing || size == 2 || bytes <= JacclOrder.OnePhaseBytes);

    public override T[] AllReduce<T, TElement>(T[][] operands, ReduceOp op)
    {
        var isExact = IsExact("AllReduce", shape.Size, (long)operands[0].Length * Unsafe.SizeOf<T>());
        return !isExact ? Definitions.Reduce<T, TElement>(operands, op)
            : shape.IsRing ? JacclOrder.AllReduceOfRing<T, TElement>(operands, op, shape.Wires)
            : JacclOrder.AllReduceOfMesh<T, TElement>(operands, op);
    }

    public override string ToString() => $", {shape}";
}

/// <summary>Takes up results, so that those of different ranks can be compared.</summary>
internal sealed class Digest
{
    private ulong _state = 14695981039346656037;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            _state = (_state ^ value) * 1099511628211;
        }
    }

    public override string ToString() => _state.ToString("x", CultureInfo.InvariantCulture);
}
