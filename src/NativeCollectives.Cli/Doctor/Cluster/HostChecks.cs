using System.Globalization;
using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor.Cluster;

/// <summary>
/// Whether the hosts have what the backend needs of them: the library, the same releases, the devices that the matrix
/// names, memory that may be locked.
/// </summary>
/// <param name="plan">What the hostfile says.</param>
/// <param name="ranks">The ranks, with their machines as far as they are known.</param>
internal sealed class HostChecks(ClusterPlan plan, IReadOnlyList<RankReport> ranks)
{
    private readonly string _backend = plan.Backend == "jaccl-ring" ? "jaccl" : plan.Backend;

    public IEnumerable<Finding> Check() =>
        plan.Kind == ClusterKind.Devices
            ? CheckThisMachine()
            :
            [
                .. CheckBackend(),
                .. CheckReleases(),
                .. ranks
                    .Where(static rank => rank.Machine is not null)
                    .SelectMany(rank => CheckDevices(rank.Rank, Named(rank), rank.Machine!)),
            ];

    private IEnumerable<Finding> CheckBackend() =>
        from rank in ranks
        let backend = rank.Machine?.Backend(_backend)
        where backend is { Available: false }
        select new Finding(Named(rank), $"the backend {_backend} cannot be used there: {backend.Reason?.TrimEnd('.')}");

    private IEnumerable<Finding> CheckReleases()
    {
        IEnumerable<Finding> Differing(string what, Func<MachineReport, string?> version)
        {
            RankReport? first = ranks.FirstOrDefault(rank =>
                rank.Machine is { } machine && version(machine) is not null
            );
            foreach (RankReport rank in ranks)
            {
                if (
                    rank.Machine is { } machine
                    && version(machine) is { } own
                    && version(first!.Machine!) is { } expected
                    && own != expected
                )
                {
                    yield return new Finding(
                        Named(rank),
                        $"it has {what} {own}, but rank {first.Rank} ({first.Host}) has {expected}; all ranks need the "
                            + "same"
                    );
                }
            }
        }

        // What comes after a plus sign names a commit.
        return
        [
            .. Differing("NativeCollectives", static machine => machine.LibraryVersion.Split('+')[0]),
            .. _backend == "nccl" ? Differing("NCCL", static machine => machine.Backend("nccl").Nccl?.Version) : [],
        ];
    }

    // A matrix alone does not say on which host a rank runs; the launcher's variables may say which one this is.
    private IEnumerable<Finding> CheckThisMachine()
    {
        LaunchEnvironment environment = LaunchEnvironment.OfProcess;
        string? variable = environment.FindRank(MlxVariables.JacclRanks, takesLaunchers: false);
        return
            variable is not null
            && int.TryParse(environment.Text(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int rank)
            && rank < ranks.Count
            ? CheckDevices(rank, $"rank {rank} (this machine, by {variable})", MachineInspector.Inspect())
            : [];
    }

    private IEnumerable<Finding> CheckDevices(int rank, string where, MachineReport machine)
    {
        if (plan.Devices is not { } matrix || machine.Backend("jaccl").Jaccl is not { } jaccl)
        {
            yield break;
        }

        foreach (string name in matrix.DevicesOf(rank))
        {
            RdmaDevice? device = jaccl.Devices.FirstOrDefault(device => device.Name == name);
            if (device is null)
            {
                string others =
                    jaccl.Devices.Count == 0
                        ? "it has none at all"
                        : $"it has {string.Join(", ", jaccl.Devices.Select(static device => device.Name))}";
                yield return new Finding(
                    where,
                    $"it has no RDMA device {name}, which its row of the device matrix names; {others}"
                );
            }
            else if (device.Problem is not null)
            {
                yield return new Finding(where, $"the RDMA device {name}: {device.Problem}");
            }
        }

        bool ring = plan.Backend == "jaccl-ring" || !matrix.IsMesh;
        if (jaccl.LockableBytes < matrix.LockedBytes(ring))
        {
            yield return new Finding(
                where,
                $"a process may lock {ByteSize.Rounded(jaccl.LockableBytes.Value)} of memory (ulimit -l), "
                    + $"but a rank of this group locks {ByteSize.Rounded(matrix.LockedBytes(ring))}"
            );
        }
    }

    private static string Named(RankReport rank) => $"rank {rank.Rank} ({rank.Host})";
}
