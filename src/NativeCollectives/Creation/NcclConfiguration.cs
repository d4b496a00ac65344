using System.Globalization;

namespace NativeCollectives;

/// <summary>NCCL's settings, from the options and, where these are silent, from the environment.</summary>
internal static class NcclConfiguration
{
    internal const string Name = "nccl";

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

    internal static BackendConfiguration Read(NcclOptions? options, LaunchEnvironment environment)
    {
        options ??= new NcclOptions();
        Validate(options);
        NcclLaunch launch = Choose(options, environment);
        if (launch.Missing.Count > 0)
        {
            return new BackendConfiguration(BackendKind.Nccl, launch.Missing, launch.Given)
            {
                IsBegun = launch.IsMeant || options.Rank is not null || options.Size is not null,
            };
        }

        NcclPlace place = launch.ReadPlace().Checked();
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
        Add("nccl_library", nameof(NcclOptions.Library), options?.Library);
        Add("cuda_library", nameof(NcclOptions.CudaLibrary), options?.CudaLibrary);
        return libraries;

        void Add(string setting, string option, string? path)
        {
            OptionCheck.RequirePath(path, $"{nameof(NcclOptions)}.{option}");
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

    private static void Validate(NcclOptions options)
    {
        OptionCheck.Require(
            options.Rank is null or >= 0,
            $"NcclOptions.Rank is {options.Rank}, but ranks count from 0."
        );
        OptionCheck.Require(
            options.Size is null or >= 1,
            $"NcclOptions.Size is {options.Size}, but a group has at least one rank."
        );
        OptionCheck.Require(
            options.Rank is null || options.Size is null || options.Rank < options.Size,
            $"NcclOptions.Rank is {options.Rank}, but should be less than NcclOptions.Size, which is {options.Size}."
        );
        OptionCheck.Require(
            options.Device is null or >= 0,
            $"NcclOptions.Device is {options.Device}, but devices count from 0."
        );
        OptionCheck.Require(
            options.StagingBytes is null or >= 0,
            $"NcclOptions.StagingBytes is {options.StagingBytes}, but sizes are not negative."
        );
        OptionCheck.Require(
            Enum.IsDefined(options.Bootstrap),
            $"NcclOptions.Bootstrap is {(int)options.Bootstrap}, which is not a bootstrap."
        );
        OptionCheck.RequireAddress(options.Rendezvous, "NcclOptions.Rendezvous");

        string[] addresses =
        [
            .. Named(options.UniqueId, nameof(NcclOptions.UniqueId)),
            .. Named(options.BootstrapGroup, nameof(NcclOptions.BootstrapGroup)),
            .. Named(options.Rendezvous, nameof(NcclOptions.Rendezvous)),
        ];
        OptionCheck.Require(
            addresses.Length < 2,
            $"NcclOptions has both {string.Join(" and ", addresses)}, but only one of them can tell how the ranks meet."
        );
        if (options.BootstrapGroup is { } group)
        {
            OptionCheck.Require(
                options.Rank is null || options.Rank == group.Rank,
                $"NcclOptions.Rank is {options.Rank}, but the rank in NcclOptions.BootstrapGroup is {group.Rank}."
            );
            OptionCheck.Require(
                options.Size is null || options.Size == group.Size,
                $"NcclOptions.Size is {options.Size}, but the size of NcclOptions.BootstrapGroup is {group.Size}."
            );
        }
    }

    private static string[] Named(object? value, string name) => value is null ? [] : [name];

    private static KeyValuePair<string, string> Number(string name, int value) =>
        new(name, value.ToString(CultureInfo.InvariantCulture));
}
