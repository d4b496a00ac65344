using System.Globalization;
using System.Text.Json;

namespace NativeCollectives;

/// <summary>JACCL's settings, from the options and, where these are silent, from the environment.</summary>
internal static class JacclConfiguration
{
    private const string Name = "jaccl";

    private static readonly SettingName _rank = SettingName.OfJaccl(nameof(JacclOptions.Rank));
    private static readonly SettingName _devices = SettingName.OfJaccl(nameof(JacclOptions.Devices));
    private static readonly SettingName _deviceFile = SettingName.OfJaccl(nameof(JacclOptions.DeviceFile));
    private static readonly SettingName _coordinator = SettingName.OfJaccl(nameof(JacclOptions.Coordinator));
    private static readonly SettingName _sideChannel = SettingName.OfJaccl(nameof(JacclOptions.SideChannel));
    private static readonly SettingName _library = SettingName.OfJaccl(nameof(JacclOptions.Library));

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

    internal static BackendConfiguration Read(
        JacclOptions? options,
        LaunchEnvironment environment,
        Func<SettingName, string>? nameOf = null
    )
    {
        options ??= new JacclOptions();
        OptionCheck.RequireNone(Problems(options), nameOf);
        var reader = new Reader(environment);
        int? rank = reader.Rank(options, out string? rankVariable);
        reader.Devices(options);
        reader.Meeting(options);
        if (
            options.Devices is { } devices
            && rankVariable is not null
            && OptionCheck.RankWithin(rank, rankVariable, _devices, devices.Count).FirstOrDefault() is { } outOfRange
        )
        {
            throw outOfRange.ToException(nameOf ?? OptionCheck.InCode, Name, rank!.Value);
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
        OptionCheck.RequireNone(OptionCheck.Path(options?.Library, _library));
        return options?.Library is { } library ? [new("verbs_library", library)] : [];
    }

    /// <summary>What is wrong with the options.</summary>
    internal static IEnumerable<OptionProblem> Problems(JacclOptions? options)
    {
        if (options is null)
        {
            yield break;
        }

        IEnumerable<OptionProblem> problems =
        [
            .. OptionCheck.AtLeast(0, options.Rank, _rank, $"ranks count from 0"),
            .. OptionCheck.Path(options.DeviceFile, _deviceFile),
            .. OptionCheck.Address(options.Coordinator, _coordinator),
            .. OptionCheck.Path(options.Library, _library),
        ];
        foreach (OptionProblem problem in problems)
        {
            yield return problem;
        }

        if (options is { Devices: not null, DeviceFile: not null })
        {
            yield return OptionProblem.Exclusive([_devices, _deviceFile], "which devices the ranks have");
        }

        if (options is { Coordinator: not null, SideChannel: not null })
        {
            yield return OptionProblem.Exclusive([_coordinator, _sideChannel], "how the ranks meet");
        }

        if (options.Frames is { } frames && !Enum.IsDefined(frames))
        {
            yield return new(
                SettingName.OfJaccl(nameof(JacclOptions.Frames)),
                OptionCheck.Text((int)frames),
                $"should be a choice of frames"
            );
        }

        if (options.QueuePairs is { } queuePairs && !Enum.IsDefined(queuePairs))
        {
            yield return new(
                SettingName.OfJaccl(nameof(JacclOptions.QueuePairs)),
                OptionCheck.Text((int)queuePairs),
                $"should be a type of queue pairs"
            );
        }

        if (options.GidIndex is < 0 or > 255)
        {
            yield return new(
                SettingName.OfJaccl(nameof(JacclOptions.GidIndex)),
                OptionCheck.Text(options.GidIndex),
                $"should be from 0 to 255"
            );
        }

        if (options.Devices is { } devices)
        {
            foreach (OptionProblem problem in Problems(devices))
            {
                yield return problem;
            }

            foreach (OptionProblem problem in OptionCheck.RankWithin(options.Rank, _rank, _devices, devices.Count))
            {
                yield return problem;
            }
        }
    }

    // Whether it makes a mesh or a ring is for the native library to say, which judges a file's matrix too.
    private static IEnumerable<OptionProblem> Problems(IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices)
    {
        int size = devices.Count;
        if (size == 0)
        {
            yield return new(_devices, "empty", $"should have one row per rank");
        }

        for (int rank = 0; rank < size; rank++)
        {
            SettingName row = _devices.At(rank);
            if (devices[rank] is not { } entries)
            {
                yield return new(row, "null", $"should be the row of rank {rank}");
                continue;
            }

            if (entries.Count != size)
            {
                yield return new(
                    row,
                    $"a row of {OptionCheck.Text(entries.Count)}",
                    $"should have {size} {(size == 1 ? "entry" : "entries")}, one per rank"
                );
                continue;
            }

            for (int peer = 0; peer < size; peer++)
            {
                if (entries[peer] is not { } names)
                {
                    yield return new(row.At(peer), "null", $"should be empty where there is no cable");
                }
                else if (names.Any(OptionCheck.IsBlank))
                {
                    yield return new(
                        row.At(peer),
                        "a list with a blank name",
                        $"should have the names of rank {rank}'s devices for rank {peer}"
                    );
                }
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

        internal List<SettingName> Given { get; } = [];

        internal List<KeyValuePair<string, string>> Settings { get; } = [];

        internal int? Rank(JacclOptions options, out string? variable)
        {
            variable = null;
            if (options.Rank is not null)
            {
                Given.Add(_rank);
                return options.Rank;
            }

            variable = environment.FindRank(
                MlxVariables.JacclRanks,
                takesLaunchers: OriginOf(options, environment) != Origin.None
            );
            Note(variable, MlxVariables.JacclRanks);
            return variable is null ? null : environment.Rank(variable, Name);
        }

        internal void Devices(JacclOptions options)
        {
            if (options.Devices is { } devices)
            {
                Take("devices", ToJson(devices), _devices);
            }
            else if (options.DeviceFile is { } path)
            {
                Take("device_file", path, _deviceFile);
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
                Given.Add(_sideChannel);
            }
            else if (options.Coordinator is { } coordinator)
            {
                Take("coordinator", coordinator, _coordinator);
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

        private void Take(string setting, string value, SettingName option)
        {
            Given.Add(option);
            Add(setting, value);
        }

        private void Note(string? present, string[] variables)
        {
            if (present is null)
            {
                Missing.Add(variables[^1]);
            }
            else
            {
                Given.Add(present);
            }
        }

        // The variable that is present; otherwise notes that the setting is missing, by its usual name.
        private string? Find(string[] variables)
        {
            string? present = Array.Find(variables, environment.IsPresent);
            Note(present, variables);
            return present;
        }
    }
}
