using System.Globalization;

namespace NativeCollectives;

/// <summary>
/// A launcher that has started several processes, as its variables say. Most tell a process its rank, but nothing of
/// where the ranks meet.
/// </summary>
/// <param name="Name">The launcher's name.</param>
/// <param name="RankVariable">The variable that tells the rank; <see langword="null"/>: it is absent.</param>
/// <param name="Sign">The variable that tells that there are several, and its value.</param>
internal sealed record ProcessLauncher(string Name, string? RankVariable, string Sign)
{
    /// <summary>
    /// The first launcher that says that this process is one of several; <see langword="null"/>: none does.
    /// </summary>
    internal static ProcessLauncher? Find(LaunchEnvironment environment)
    {
        foreach (KnownLauncher launcher in KnownLauncher.All)
        {
            if (launcher == KnownLauncher.Slurm && SlurmVariables.IsBatchStep(environment))
            {
                continue;
            }

            if (Of(launcher) is { } found)
            {
                return found;
            }
        }

        return null;

        ProcessLauncher? Of(KnownLauncher launcher)
        {
            string? rank = launcher.TellsRank(environment) ? launcher.Rank : null;
            if (rank is null && (launcher == KnownLauncher.Slurm || launcher == KnownLauncher.Pmix))
            {
                return null;
            }

            string? size =
                launcher == KnownLauncher.Slurm && environment.IsPresent(SlurmVariables.StepSize)
                    ? SlurmVariables.StepSize
                : launcher.TellsSize(environment) ? launcher.Size
                : null;
            if (size is not null)
            {
                return IsOver(1, environment.Text(size)) ? new(launcher.Name, rank, Shown(size)) : null;
            }

            // Whoever is not the first is not alone. RANK without a size can be anybody's.
            return
                rank is not null
                && launcher != KnownLauncher.Torchrun
                && launcher != KnownLauncher.Mlx
                && IsOver(0, environment.Text(rank))
                ? new(launcher.Name, rank, Shown(rank))
                : null;
        }

        string Shown(string variable) => $"{variable} is {OptionCheck.Quoted(environment.Text(variable)!)}";
    }

    /// <summary>
    /// The variable in which a launcher tells this process its rank, for backends that need no more of it than that;
    /// <see langword="null"/>: none does. MLX's is the backends' own.
    /// </summary>
    internal static string? FindRank(LaunchEnvironment environment) =>
        Array
            .Find(
                KnownLauncher.All,
                launcher =>
                    launcher != KnownLauncher.Mlx
                    && launcher.TellsRank(environment)
                    && (launcher != KnownLauncher.Torchrun || launcher.TellsSize(environment))
            )
            ?.Rank;

    /// <summary>
    /// Such as <c>Open MPI seems to have started several processes (OMPI_COMM_WORLD_SIZE is "2")</c>.
    /// </summary>
    internal string Describe() => $"{Name} seems to have started several processes ({Sign})";

    // What is no number says nothing of how many there are, and is told where it is read.
    private static bool IsOver(long limit, string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > limit;
}
