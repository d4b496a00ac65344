using System.Globalization;

namespace NativeCollectives.Hosting;

/// <summary>
/// How the environment says that NCCL's ranks meet. The core library decides that, so that a group formed by these
/// settings is the one it would form alone.
/// </summary>
internal sealed class NcclSelection
{
    private static readonly (string Variable, NcclBootstrap Bootstrap)[] _telltales =
    [
        ("NCCL_COMM_ID", NcclBootstrap.CommId),
        ("NCCL_HOST_IP", NcclBootstrap.Mlx),
        ("MASTER_ADDR", NcclBootstrap.Torchrun),
    ];

    private BackendConfiguration? _complete;

    /// <summary>The way that is complete; <see langword="null"/>: none is.</summary>
    internal NcclBootstrap? Bootstrap { get; private init; }

    /// <summary>
    /// Where no way is complete, the variables that tell rank and size to one that somebody else configures;
    /// <see langword="null"/>: none do.
    /// </summary>
    internal RankVariables? Pair { get; private init; }

    /// <summary>What is wrong with the variables.</summary>
    internal string? Problem { get; private init; }

    internal static NcclSelection Of(LaunchEnvironment environment)
    {
        try
        {
            BackendConfiguration read = NcclConfiguration.Read(null, environment);
            if (read.IsConfigured)
            {
                int index = Array.FindIndex(_telltales, telltale => read.Given.Contains(telltale.Variable));
                return new NcclSelection
                {
                    _complete = read,
                    Bootstrap = index < 0 ? NcclBootstrap.Mistral : _telltales[index].Bootstrap,
                };
            }

            RankVariables pair = RankVariables.Choose(
                RankVariables.OfAnyLauncher,
                environment,
                needsRank: true,
                needsSize: true
            );

            // A size of 1 would be a group of NCCL's that needs no way to meet, which nobody has asked for.
            bool isUsable =
                environment.IsPresent(pair.Rank)
                && environment.IsPresent(pair.Size)
                && environment.Text(pair.Size) != "1";
            return new NcclSelection { Pair = isUsable ? pair : null };
        }
        catch (RendezvousException exception)
        {
            return new NcclSelection { Problem = exception.Message };
        }
    }

    /// <summary>Passes the settings of the complete way on, each with the variables that it came from.</summary>
    internal void WriteTo(Action<string, string?, IReadOnlyCollection<string>> set)
    {
        BackendConfiguration complete = _complete!;
        set(
            SettingKeys.NcclBootstrap,
            Bootstrap switch
            {
                NcclBootstrap.CommId => "comm_id",
                NcclBootstrap.Mlx => "mlx",
                NcclBootstrap.Torchrun => "torchrun",
                _ => "mistral",
            },
            complete.Given
        );
        set(
            SettingKeys.NcclRank,
            complete.Rank.ToString(CultureInfo.InvariantCulture),
            Among(static pair => pair.Rank)
        );
        set(SettingKeys.NcclSize, Setting("size"), Among(static pair => pair.Size));
        if (Bootstrap is NcclBootstrap.Mlx or NcclBootstrap.Torchrun)
        {
            string[] address =
                Bootstrap == NcclBootstrap.Mlx ? ["NCCL_HOST_IP", "NCCL_PORT"] : ["MASTER_ADDR", "MASTER_PORT"];
            set(SettingKeys.NcclRendezvous, Setting("rendezvous"), address);
        }

        set(SettingKeys.FormingTimeout, complete.FormingTimeout?.ToString(), ["MLX_NCCL_TIMEOUT"]);

        string? Setting(string name) => complete.Settings.FirstOrDefault(setting => setting.Key == name).Value;

        // mistral.rs's variables tell rank and size only together.
        string[] Among(Func<RankVariables, string> part)
        {
            string[] names = [.. RankVariables.OfAnyLauncher.Select(part).Where(name => complete.Given.Contains(name))];
            return names.Length > 0 ? names : [.. complete.Given];
        }
    }
}
