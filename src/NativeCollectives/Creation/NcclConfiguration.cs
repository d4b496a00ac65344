using System.Globalization;

namespace NativeCollectives;

/// <summary>NCCL's settings, from the options and, where these are silent, from the environment.</summary>
internal static class NcclConfiguration
{
    internal const string Name = "nccl";

    internal static readonly SettingName Rank = SettingName.OfNccl(nameof(NcclOptions.Rank));
    internal static readonly SettingName Size = SettingName.OfNccl(nameof(NcclOptions.Size));
    internal static readonly SettingName UniqueId = SettingName.OfNccl(nameof(NcclOptions.UniqueId));
    internal static readonly SettingName BootstrapGroup = SettingName.OfNccl(nameof(NcclOptions.BootstrapGroup));
    internal static readonly SettingName Rendezvous = SettingName.OfNccl(nameof(NcclOptions.Rendezvous));

    private static readonly SettingName _library = SettingName.OfNccl(nameof(NcclOptions.Library));
    private static readonly SettingName _cudaLibrary = SettingName.OfNccl(nameof(NcclOptions.CudaLibrary));

    internal static Origin OriginOf(NcclOptions? options, LaunchEnvironment environment)
    {
        options ??= new NcclOptions();
        if (CodeLaunch.IsMeantBy(options) || options.Bootstrap != NcclBootstrap.Auto)
        {
            return Origin.Program;
        }

        if (OwnVariables.NamesBootstrap(environment))
        {
            return Origin.Own;
        }

        // A size of 1 is no reason to pass over what says where others are.
        bool isMlx = !IsComplete(NcclBootstrap.CommId) && IsComplete(NcclBootstrap.Mlx);
        bool isAlone = (options.Size ?? (environment.Text(KnownLauncher.Mlx.Size!) == "1" ? 1 : 2)) == 1;
        return isMlx && !isAlone ? Origin.Own
            : Array.Exists(
                [NcclBootstrap.CommId, NcclBootstrap.Mlx, NcclBootstrap.Torchrun],
                candidate => Of(candidate).IsMeant
            ) || Array.Exists(MistralLaunch.Variables, environment.IsPresent)
                ? Origin.Shared
            : Origin.None;

        bool IsComplete(NcclBootstrap candidate) => Of(candidate).Missing.Count == 0;

        NcclLaunch Of(NcclBootstrap candidate) => NcclLaunch.Of(candidate, options, environment);
    }

    internal static BackendConfiguration Read(
        NcclOptions? options,
        LaunchEnvironment environment,
        Func<SettingName, string>? nameOf = null
    )
    {
        options ??= new NcclOptions();
        OptionCheck.RequireNone(Problems(options), nameOf);
        NcclLaunch launch = Choose(options, environment);
        if (launch.Missing.Count > 0)
        {
            return new BackendConfiguration(BackendKind.Nccl, launch.Missing, launch.Given)
            {
                IsBegun = launch.IsMeant || options.Rank is not null || options.Size is not null,
            };
        }

        NcclPlace place = launch.ReadPlace().Checked(nameOf ?? OptionCheck.InCode);
        List<KeyValuePair<string, string>> settings = [Number("size", place.Size)];
        if (launch.ReadAddress() is { } address && place.Size > 1)
        {
            settings.Add(address);
        }

        if (options.Device is { } device)
        {
            settings.Add(Number("device", device));
        }
        else if (!launch.IsMlx && launch.ReadLocalRank() is { } localRank)
        {
            settings.Add(Number("local_rank", localRank));
        }

        if ((options.StagingBytes ?? (launch.IsMlx ? 0 : null)) is { } stagingBytes)
        {
            settings.Add(Number("staging_bytes", stagingBytes));
        }

        IReadOnlyList<KeyValuePair<string, string>> libraries = Libraries(options);
        return new BackendConfiguration(BackendKind.Nccl, [], launch.Given)
        {
            IsBegun = true,
            Rank = place.Rank,
            KnownSize = place.Size,
            SizeVariable = place.SizeVariable,
            Settings = [.. settings, .. libraries],
            Libraries = libraries,
            FormingTimeout = launch.ReadFormingTimeout(),
            BootstrapGroup = place.Size > 1 ? options.BootstrapGroup : null,
        };
    }

    /// <summary>The settings that name libraries.</summary>
    /// <exception cref="ArgumentException">A path is impossible.</exception>
    internal static IReadOnlyList<KeyValuePair<string, string>> Libraries(NcclOptions? options)
    {
        List<KeyValuePair<string, string>> libraries = [];
        Add("nccl_library", _library, options?.Library);
        Add("cuda_library", _cudaLibrary, options?.CudaLibrary);
        return libraries;

        void Add(string setting, SettingName option, string? path)
        {
            OptionCheck.RequireNone(OptionCheck.Path(path, option));
            if (path is not null)
            {
                libraries.Add(new(setting, path));
            }
        }
    }

    private static NcclLaunch Choose(NcclOptions options, LaunchEnvironment environment)
    {
        NcclBootstrap bootstrap =
            options.Bootstrap == NcclBootstrap.Auto ? OwnVariables.ReadBootstrap(environment) : options.Bootstrap;
        if (CodeLaunch.IsMeantBy(options))
        {
            return new CodeLaunch(options, environment, bootstrap);
        }

        if (bootstrap != NcclBootstrap.Auto)
        {
            return NcclLaunch.Of(bootstrap, options, environment);
        }

        NcclLaunch? begun = null;
        foreach (NcclBootstrap candidate in NcclLaunch.InOrder)
        {
            NcclLaunch launch = NcclLaunch.Of(candidate, options, environment);
            if (launch.Missing.Count == 0)
            {
                return launch;
            }

            begun ??= launch.IsMeant ? launch : null;
        }

        return begun ?? new MlxLaunch(options, environment);
    }

    /// <summary>What is wrong with the options.</summary>
    internal static IEnumerable<OptionProblem> Problems(NcclOptions? options)
    {
        if (options is null)
        {
            yield break;
        }

        IEnumerable<OptionProblem> problems =
        [
            .. OptionCheck.AtLeast(0, options.Rank, Rank, $"ranks count from 0"),
            .. OptionCheck.AtLeast(1, options.Size, Size, $"a group has at least one rank"),
            .. OptionCheck.AtLeast(
                0,
                options.Device,
                SettingName.OfNccl(nameof(NcclOptions.Device)),
                $"devices count from 0"
            ),
            .. OptionCheck.AtLeast(
                0,
                options.StagingBytes,
                SettingName.OfNccl(nameof(NcclOptions.StagingBytes)),
                $"sizes are not negative"
            ),
            .. OptionCheck.Address(options.Rendezvous, Rendezvous),
            .. OptionCheck.Path(options.Library, _library),
            .. OptionCheck.Path(options.CudaLibrary, _cudaLibrary),
        ];
        foreach (OptionProblem problem in problems)
        {
            yield return problem;
        }

        if (options is { Rank: >= 0 and var rank, Size: >= 1 and var size } && rank >= size)
        {
            yield return new(Rank, OptionCheck.Text(rank), $"should be less than {Size}, which is {size}");
        }

        if (!Enum.IsDefined(options.Bootstrap))
        {
            yield return new(
                SettingName.OfNccl(nameof(NcclOptions.Bootstrap)),
                OptionCheck.Text((int)options.Bootstrap),
                $"should be a bootstrap"
            );
        }

        SettingName[] addresses =
        [
            .. Named(options.UniqueId, UniqueId),
            .. Named(options.BootstrapGroup, BootstrapGroup),
            .. Named(options.Rendezvous, Rendezvous),
        ];
        if (addresses.Length > 1)
        {
            yield return OptionProblem.Exclusive(addresses, "how the ranks meet");
        }

        if (options is { BootstrapGroup: { } ranked, Rank: { } own } && own != ranked.Rank)
        {
            yield return new(Rank, OptionCheck.Text(own), $"the rank in {BootstrapGroup} is {ranked.Rank}");
        }

        if (options is { BootstrapGroup: { } sized, Size: { } all } && all != sized.Size)
        {
            yield return new(Size, OptionCheck.Text(all), $"the size of {BootstrapGroup} is {sized.Size}");
        }
    }

    private static SettingName[] Named(object? value, SettingName name) => value is null ? [] : [name];

    private static KeyValuePair<string, string> Number(string name, int value) =>
        new(name, value.ToString(CultureInfo.InvariantCulture));
}
