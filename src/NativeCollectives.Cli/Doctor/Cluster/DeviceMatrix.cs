namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>
/// Which RDMA devices join which ranks: entry [i][j] has the names of rank i's devices on the cables to rank j. What it
/// must be: docs/jaccl.md.
/// </summary>
/// <param name="Rows">A row for each rank.</param>
internal sealed record DeviceMatrix(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> Rows)
{
    private const int MostMeshRanks = 8;
    private const int MostWires = 4;
    private const long MiB = 1 << 20;

    public int Size => Rows.Count;

    /// <summary>Whether it is one: a row and a column for each rank.</summary>
    public bool IsSquare => Rows.All(row => row.Count == Size);

    /// <summary>Whether every rank has a cable to every other.</summary>
    public bool IsMesh => Size >= 2 && WhyNoMesh() is null && Size <= MostMeshRanks;

    /// <summary>All devices that are named in the row of a rank.</summary>
    public IEnumerable<string> DevicesOf(int rank) => Rows[rank].SelectMany(static names => names).Distinct();

    /// <summary>How much memory each rank locks for a group with large frames.</summary>
    public long LockedBytes(bool ring) => ring ? 4 * MiB * Rows[0][1].Count : (2 * MiB * (Size - 1)) + MiB;

    /// <summary>What is wrong with it.</summary>
    /// <param name="prefersRing">A matrix that makes both a mesh and a ring is to make a ring.</param>
    public IEnumerable<Finding> Check(bool prefersRing)
    {
        for (int rank = 0; rank < Size; rank++)
        {
            if (Rows[rank].Count != Size)
            {
                yield return new Finding(
                    $"rank {rank}",
                    $"its row of the device matrix has {Words.Count(Rows[rank].Count, "entry", "entries")}, but there "
                        + $"are {Words.Count(Size, "rank")}, "
                        + "and each row must have an entry for each"
                );
            }
        }

        if (!IsSquare)
        {
            yield break;
        }

        if (Size < 2)
        {
            yield return new Finding("the device matrix", "it has one rank, but a mesh or a ring has at least two");
            yield break;
        }

        foreach (Finding oneSided in CheckSymmetry())
        {
            yield return oneSided;
        }

        string? noMesh = WhyNoMesh();
        string? noRing = WhyNoRing();
        if (noMesh is not null && noRing is not null)
        {
            yield return new Finding(
                "the device matrix",
                $"it makes neither a mesh nor a ring; no mesh: {noMesh}; no ring: {noRing}"
            );
        }
        else if (noMesh is null && !(prefersRing && noRing is null) && Size > MostMeshRanks)
        {
            string way = noRing is null ? "; prefer the ring (jaccl-ring)" : "";
            yield return new Finding(
                "the device matrix",
                $"a mesh has at most {MostMeshRanks} ranks, but this one has {Size}{way}"
            );
        }
        else if (noRing is null && (prefersRing || noMesh is not null) && Rows[0][1].Count > MostWires)
        {
            yield return new Finding(
                "the device matrix",
                $"entry [0][1] names {Rows[0][1].Count} devices, but neighbours may be joined by at most {MostWires} "
                    + "cables"
            );
        }
    }

    private IEnumerable<Finding> CheckSymmetry()
    {
        for (int i = 0; i < Size; i++)
        {
            for (int j = i + 1; j < Size; j++)
            {
                (int there, int back) = (Rows[i][j].Count, Rows[j][i].Count);
                if (there != back)
                {
                    yield return new Finding(
                        $"link {i} ↔ {j}",
                        $"a cable has two ends, but entry [{i}][{j}] of the device matrix names "
                            + $"{Words.Count(there, "device")}, and entry [{j}][{i}] {back}"
                    );
                }
            }
        }
    }

    private string? WhyNoMesh()
    {
        for (int i = 0; i < Size; i++)
        {
            for (int j = 0; j < Size; j++)
            {
                if (i == j && Rows[i][j].Count > 0)
                {
                    return $"entry [{i}][{j}] names a device of a rank on a cable to itself";
                }

                if (i != j && Rows[i][j].Count == 0)
                {
                    return $"entry [{i}][{j}] is empty, so that there is no cable between these ranks";
                }
            }
        }

        return null;
    }

    private string? WhyNoRing()
    {
        int wires = Rows[0][1].Count;
        if (wires == 0)
        {
            return "entry [0][1] is empty, so that there is no cable between these neighbours";
        }

        for (int i = 0; i < Size; i++)
        {
            foreach (int j in new[] { (i + Size - 1) % Size, (i + 1) % Size })
            {
                if (Rows[i][j].Count != wires)
                {
                    return $"entry [{i}][{j}] names {Words.Count(Rows[i][j].Count, "device")}, but entry [0][1] "
                        + $"{wires}, "
                        + "and all neighbours must be joined by as many cables";
                }
            }
        }

        return null;
    }
}
