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
        (CommIdLaunch.Variable, NcclBootstrap.CommId),
        (MlxVariables.NcclHost, NcclBootstrap.Mlx),
        (TorchrunLaunch.Host, NcclBootstrap.Torchrun),
    ];

    private BackendConfiguration? _complete;

    /// <summary>The way that is complete; <see langword="null"/>: none is.</summary>
    internal NcclBootstrap? Bootstrap { get; private init; }

    /// <summary>
    /// Where no way is complete, the launcher that tells rank and size to one that somebody else configures;
    /// <see langword="null"/>: none does.
    /// </summary>
    internal KnownLauncher? Launcher { get; private init; }

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

            KnownLauncher launcher = KnownLauncher.Choose(
                KnownLauncher.WithSize,
                environment,
                needsRank: true,
                needsSize: true
            );

            // A size of 1 would be a group of NCCL's that needs no way to meet, which nobody has asked for.
            bool isUsable =
                launcher.TellsRank(environment)
                && launcher.TellsSize(environment)
                && environment.Text(launcher.Size!) != "1";
            return new NcclSelection { Launcher = isUsable ? launcher : null };
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
            Array.Find(OwnVariables.Bootstraps, choice => choice.Value == Bootstrap).Name,
            [.. complete.Given.Select(static given => given.ToString())]
        );
        set(
            SettingKeys.NcclRank,
            complete.Rank.ToString(CultureInfo.InvariantCulture),
            Among(static launcher => launcher.Rank)
        );
        set(SettingKeys.NcclSize, Setting("size"), Among(static launcher => launcher.Size!));
        if (Bootstrap is NcclBootstrap.Mlx or NcclBootstrap.Torchrun)
        {
            string[] address =
                Bootstrap == NcclBootstrap.Mlx
                    ? [MlxVariables.NcclHost, MlxVariables.NcclPort]
                    : [TorchrunLaunch.Host, TorchrunLaunch.Port];
            set(SettingKeys.NcclRendezvous, Setting("rendezvous"), address);
        }

        set(SettingKeys.FormingTimeout, complete.FormingTimeout?.ToString(), [MlxVariables.NcclTimeout]);

        string? Setting(string name) => complete.Settings.FirstOrDefault(setting => setting.Key == name).Value;

        // mistral.rs's variables tell rank and size only together.
        string[] Among(Func<KnownLauncher, string> part)
        {
            string[] names = [.. KnownLauncher.WithSize.Select(part).Where(name => complete.Given.Contains(name))];
            return names.Length > 0 ? names : [.. complete.Given.Select(static given => given.ToString())];
        }
    }
}
