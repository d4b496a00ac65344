namespace NativeCollectives.Hosting;

/// <summary>
/// The addresses of a ring's ranks, made of the names of the nodes, the number of ranks on each, and the port of the
/// first rank on a node.
/// </summary>
internal static class RingNodes
{
    /// <summary>The addresses; <see langword="null"/> if they are not given in this way.</summary>
    internal static IReadOnlyList<IReadOnlyList<string>>? Read(SettingsReader reader)
    {
        int? basePort = reader.Number(
            SettingKeys.RingBasePort,
            1,
            $"the port of the first rank on a node: a decimal number from 1 to {HostAndPort.MaxPort}",
            HostAndPort.MaxPort
        );
        IReadOnlyList<string>? nodes = reader.Parse(
            SettingKeys.RingNodes,
            "names of nodes with commas between them, as Slurm writes them: a,b[1-3,07-10]",
            NodeList.Expand
        );
        IReadOnlyList<int>? tasks = reader.Parse(
            SettingKeys.RingTasksPerNode,
            "numbers of ranks with commas between them, as Slurm writes them: 2(x3),1",
            TaskCounts.Expand
        );
        if (nodes is not null && (Among(SettingKeys.RingHosts) ?? Among(SettingKeys.RingHostFile)) is { } other)
        {
            reader.AddProblem(
                $"{reader.Whole(SettingKeys.RingNodes)} and {reader.Whole(other)} are both set, but only one "
                    + "of them can tell where the ranks are."
            );
            return null;
        }

        if (
            basePort is null
            && nodes is not null
            && reader.HasExplicit(SettingKeys.RingNodes)
            && !reader.Has(SettingKeys.RingBasePort)
        )
        {
            reader.AddProblem(
                $"{reader.Whole(SettingKeys.RingNodes)} is set, but {reader.Whole(SettingKeys.RingBasePort)} "
                    + "is missing."
            );
        }

        if (basePort is not { } port || nodes is null || (tasks is null && reader.Has(SettingKeys.RingTasksPerNode)))
        {
            return null;
        }

        if (tasks is not null && tasks.Count != nodes.Count)
        {
            reader.AddProblem(
                $"{reader.Whole(SettingKeys.RingTasksPerNode)} has {tasks.Count} numbers, "
                    + $"but {reader.Whole(SettingKeys.RingNodes)} has {nodes.Count} nodes."
            );
            return null;
        }

        int most = tasks?.Max() ?? 1;
        if (port + most - 1 > HostAndPort.MaxPort)
        {
            reader.AddProblem(
                $"{reader.Whole(SettingKeys.RingBasePort)} is {port}, but a node has {most} ranks, whose ports "
                    + $"would exceed {HostAndPort.MaxPort}."
            );
            return null;
        }

        IEnumerable<HostAndPort> addresses = nodes.SelectMany(
            (node, index) => Enumerable.Range(port, tasks?[index] ?? 1).Select(own => new HostAndPort(node, own))
        );
        return [.. addresses.Select(static address => (IReadOnlyList<string>)[address.ToString()])];

        string? Among(string key) => reader.Has(key) ? key : null;
    }
}
