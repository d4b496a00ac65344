namespace NativeCollectives.Worker;

/// <summary>How the ranks of a group of JACCL's are connected.</summary>
/// <param name="IsRing">A ring; otherwise a mesh.</param>
/// <param name="Size">The number of ranks.</param>
/// <param name="Wires">Cables between neighbours of a ring; 1 in a mesh.</param>
public readonly record struct JacclShape(bool IsRing, int Size, int Wires)
{
    public static JacclShape Mesh(int size) => new(false, size, 1);

    public static JacclShape Ring(int size, int wires) => new(true, size, wires);

    public override string ToString() =>
        IsRing ? $"ring of {Size} with {Wires} {(Wires == 1 ? "wire" : "wires")}" : $"mesh of {Size}";
}
