using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>Looks for what is wrong with a matrix of RDMA devices, before a group is formed by it.</summary>
internal static class DeviceMatrixCheck
{
    private const int MostWires = 4;

    /// <summary>What is wrong with a matrix.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="prefersRing">A matrix that makes both a mesh and a ring is to make a ring.</param>
    public static IEnumerable<Finding> Check(DeviceMatrix matrix, bool prefersRing)
    {
        for (int rank = 0; rank < matrix.Size; rank++)
        {
            if (matrix.Rows[rank].Count != matrix.Size)
            {
                yield return new Finding(
                    $"rank {rank}",
                    $"its row of the device matrix has {Words.Count(matrix.Rows[rank].Count, "entry", "entries")}, but there "
                        + $"are {Words.Count(matrix.Size, "rank")}, "
                        + "and each row must have an entry for each"
                );
            }
        }

        if (!matrix.IsSquare)
        {
            yield break;
        }

        if (matrix.Size < 2)
        {
            yield return new Finding("the device matrix", "it has one rank, but a mesh or a ring has at least two");
            yield break;
        }

        foreach (Finding oneSided in CheckSymmetry(matrix))
        {
            yield return oneSided;
        }

        string? noMesh = matrix.WhyNoMesh();
        string? noRing = matrix.WhyNoRing();
        if (noMesh is not null && noRing is not null)
        {
            yield return new Finding(
                "the device matrix",
                $"it makes neither a mesh nor a ring; no mesh: {noMesh}; no ring: {noRing}"
            );
        }
        else if (noMesh is null && !(prefersRing && noRing is null) && matrix.Size > DeviceMatrix.MostMeshRanks)
        {
            string way = noRing is null ? "; prefer the ring (jaccl-ring)" : "";
            yield return new Finding(
                "the device matrix",
                $"a mesh has at most {DeviceMatrix.MostMeshRanks} ranks, but this one has {matrix.Size}{way}"
            );
        }
        else if (noRing is null && (prefersRing || noMesh is not null) && matrix.Rows[0][1].Count > MostWires)
        {
            yield return new Finding(
                "the device matrix",
                $"entry [0][1] names {matrix.Rows[0][1].Count} devices, but neighbours may be joined by at most {MostWires} "
                    + "cables"
            );
        }
    }

    private static IEnumerable<Finding> CheckSymmetry(DeviceMatrix matrix)
    {
        for (int i = 0; i < matrix.Size; i++)
        {
            for (int j = i + 1; j < matrix.Size; j++)
            {
                (int there, int back) = (matrix.Rows[i][j].Count, matrix.Rows[j][i].Count);
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
}
