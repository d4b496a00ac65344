using System.Globalization;
using System.Text.Json;

namespace NativeCollectives;

/// <summary>JACCL's settings, from the options and, where these are silent, from the environment.</summary>
internal static class JacclConfiguration
{
    private const string Name = "jaccl";

    internal static Origin OriginOf(JacclOptions? options, LaunchEnvironment environment)
    {
        if (
            options?.Devices is not null
            || options?.DeviceFile is not null
            || options?.Coordinator is not null
            || options?.SideChannel is not null
        )
        {
            return Origin.Program;
        }

        bool hasPlace =
            Array.Exists(MlxVariables.DeviceFiles, environment.IsPresent)
            || Array.Exists(MlxVariables.Coordinators, environment.IsPresent);
        bool hasRank = options?.Rank is not null || Array.Exists(MlxVariables.JacclRanks, environment.IsPresent);
        return !hasPlace ? Origin.None
            : hasRank ? Origin.Own
            : Origin.Shared;
    }

    internal static BackendConfiguration Read(JacclOptions? options, LaunchEnvironment environment)
    {
        options ??= new JacclOptions();
        Validate(options);
        var reader = new Reader(environment);
        int? rank = reader.Rank(options, out string? rankVariable);
        reader.Devices(options);
        reader.Meeting(options);
        if (options.Devices is { } devices)
        {
            OptionCheck.RequireRankWithin(
                rank,
                rankVariable,
                nameof(JacclOptions),
                nameof(JacclOptions.Devices),
                devices.Count,
                Name
            );
        }

        bool? prefersRing =
            options.PreferRing ?? (Array.Exists(MlxVariables.PreferRings, environment.IsPresent) ? true : null);
        reader.Add(
            "prefer_ring",
            prefersRing switch
            {
                null => null,
                true => "true",
                false => "false",
            }
        );
        reader.Add(
            "frames",
            options.Frames switch
            {
                null => null,
                JacclFrames.Small => "small",
                _ => "large",
            }
        );
        reader.Add(
            "queue_pairs",
            options.QueuePairs switch
            {
                null => null,
                JacclQueuePairs.ReliableConnection => "rc",
                _ => "uc",
            }
        );

        reader.Add("gid_index", options.GidIndex?.ToString(CultureInfo.InvariantCulture));
        reader.Add(
            "mlx_ring_all_gather",
            options.MlxRingAllGather switch
            {
                null => null,
                true => "true",
                false => "false",
            }
        );

        IReadOnlyList<KeyValuePair<string, string>> libraries = Libraries(options);
        return new BackendConfiguration(BackendKind.Jaccl, reader.Missing, reader.Given)
        {
            IsBegun =
                OriginOf(options, environment) != Origin.None
                || options.Rank is not null
                || Array.Exists(MlxVariables.JacclRanks, environment.IsRankOfSeveral),
            Rank = rank ?? 0,
            Settings = [.. reader.Settings, .. libraries],
            Libraries = libraries,
            SideChannel = options.SideChannel,
        };
    }

    /// <summary>The settings that name libraries.</summary>
    /// <exception cref="ArgumentException">A path is impossible.</exception>
    internal static IReadOnlyList<KeyValuePair<string, string>> Libraries(JacclOptions? options)
    {
        OptionCheck.RequirePath(options?.Library, "JacclOptions.Library");
        return options?.Library is { } library ? [new("verbs_library", library)] : [];
    }

    private static void Validate(JacclOptions options)
    {
        OptionCheck.Require(
            options.Rank is null or >= 0,
            $"JacclOptions.Rank is {options.Rank}, but ranks count from 0."
        );
        OptionCheck.Require(
            options.Devices is null || options.DeviceFile is null,
            "JacclOptions has both Devices and DeviceFile, but only one of them can tell which devices the ranks have."
        );
        OptionCheck.RequirePath(options.DeviceFile, "JacclOptions.DeviceFile");
        OptionCheck.Require(
            options.Coordinator is null || options.SideChannel is null,
            "JacclOptions has both Coordinator and SideChannel, but only one of them can tell how the ranks meet."
        );
        OptionCheck.RequireAddress(options.Coordinator, "JacclOptions.Coordinator");
        OptionCheck.Require(
            options.Frames is not { } frames || Enum.IsDefined(frames),
            $"JacclOptions.Frames is {(int?)options.Frames}, which is not a choice of frames."
        );
        OptionCheck.Require(
            options.QueuePairs is not { } queuePairs || Enum.IsDefined(queuePairs),
            $"JacclOptions.QueuePairs is {(int?)options.QueuePairs}, which is not a type of queue pairs."
        );
        OptionCheck.Require(
            options.GidIndex is null or (>= 0 and <= 255),
            $"JacclOptions.GidIndex is {options.GidIndex}, but should be from 0 to 255."
        );
        if (options.Devices is { } devices)
        {
            Validate(devices);
        }
    }

    // Whether it makes a mesh or a ring is for the native library to say, which judges a file's matrix too.
    private static void Validate(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices)
    {
        int size = devices.Count;
        OptionCheck.Require(size > 0, "JacclOptions.Devices is empty, but should have one row per rank.");
        for (int rank = 0; rank < size; rank++)
        {
            IReadOnlyList<IReadOnlyList<string>>? row = devices[rank];
            OptionCheck.Require(row is not null, $"JacclOptions.Devices has no row for rank {rank}.");
            OptionCheck.Require(
                row.Count == size,
                $"JacclOptions.Devices has {size} rows, one per rank, but the row of rank {rank} has {row.Count} "
                    + $"{(row.Count == 1 ? "entry" : "entries")}."
            );
            for (int peer = 0; peer < size; peer++)
            {
                string entry = $"the entry from rank {rank} to rank {peer}";
                OptionCheck.Require(
                    row[peer] is not null,
                    $"In JacclOptions.Devices {entry} is null; where there is no cable it should be empty."
                );
                OptionCheck.Require(
                    !row[peer].Any(OptionCheck.IsBlank),
                    $"In JacclOptions.Devices {entry} has a blank name of a device."
                );
            }
        }
    }

    // The text of a device file.
    private static string ToJson(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices) =>
        JsonText.Write(json =>
        {
            json.WriteStartArray();
            foreach (IReadOnlyList<IReadOnlyList<string>> row in devices)
            {
                json.WriteArray(row);
            }

            json.WriteEndArray();
        });

    private sealed class Reader(LaunchEnvironment environment)
    {
        internal List<string> Missing { get; } = [];

        internal List<string> Given { get; } = [];

        internal List<KeyValuePair<string, string>> Settings { get; } = [];

        internal int? Rank(JacclOptions options, out string? variable)
        {
            variable = null;
            if (options.Rank is not null)
            {
                Given.Add("JacclOptions.Rank");
                return options.Rank;
            }

            variable = environment.FindRank(
                MlxVariables.JacclRanks,
                takesLaunchers: OriginOf(options, environment) != Origin.None
            );
            (variable is null ? Missing : Given).Add(variable ?? MlxVariables.JacclRanks[^1]);
            return variable is null ? null : environment.Rank(variable, Name);
        }

        internal void Devices(JacclOptions options)
        {
            if (options.Devices is { } devices)
            {
                Take("devices", ToJson(devices), "JacclOptions.Devices");
            }
            else if (options.DeviceFile is { } path)
            {
                Take("device_file", path, "JacclOptions.DeviceFile");
            }
            else if (Find(MlxVariables.DeviceFiles) is { } variable)
            {
                Add("device_file", environment.JsonFile(variable, Name));
            }
        }

        internal void Meeting(JacclOptions options)
        {
            if (options.SideChannel is not null)
            {
                Given.Add("JacclOptions.SideChannel");
            }
            else if (options.Coordinator is { } coordinator)
            {
                Take("coordinator", coordinator, "JacclOptions.Coordinator");
            }
            else if (Find(MlxVariables.Coordinators) is { } variable)
            {
                Add("coordinator", environment.Address(variable, Name));
            }
        }

        internal void Add(string setting, string? value)
        {
            if (value is not null)
            {
                Settings.Add(new(setting, value));
            }
        }

        private void Take(string setting, string value, string option)
        {
            Given.Add(option);
            Add(setting, value);
        }

        // The variable that is present; otherwise notes that the setting is missing, by its usual name.
        private string? Find(string[] variables)
        {
            string? present = Array.Find(variables, environment.IsPresent);
            (present is null ? Missing : Given).Add(present ?? variables[^1]);
            return present;
        }
    }
}
