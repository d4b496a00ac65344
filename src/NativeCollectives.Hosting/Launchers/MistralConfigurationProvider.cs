using System.Globalization;
using System.Net;
using System.Text.Json;

namespace NativeCollectives.Hosting;

/// <summary>mistral.rs: its ring's file, and the variables of its heads and workers for NCCL.</summary>
/// <remarks>
/// The file names the own port and the right neighbour, but not the other ranks: with two ranks, whose right neighbour
/// is all the others, that makes a ring of ours. Only the file is mistral.rs's; the ranks are this library's, or MLX's.
/// </remarks>
internal sealed class MistralConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "mistral.rs", precedence: 6)
{
    private const string FileVariable = MistralLaunch.RingFileVariable;

    protected override void Map()
    {
        SetNccl(null, NcclBootstrap.Mistral);
        if (Variables[FileVariable] is not { } path)
        {
            return;
        }

        try
        {
            Map(RingFile.Read(path));
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            Refuse(
                SettingKeys.RingHosts,
                $"The environment variable {FileVariable} is {OptionCheck.Quoted(path)}, but should be the path of a "
                    + $"JSON file. {exception.Message}"
            );
        }
        catch (FormatException exception)
        {
            Refuse(
                SettingKeys.RingHosts,
                $"The file {path}, named by the environment variable {FileVariable}, {exception.Message}"
            );
        }
    }

    private void Map(RingFile file)
    {
        string rank = file.Rank.ToString(CultureInfo.InvariantCulture);
        Set(SettingKeys.RingRank, rank, FileVariable);
        Set(SettingKeys.JacclRank, rank, FileVariable);
        if (file.Size != 2)
        {
            throw new FormatException(
                $"describes rank {file.Rank} of {file.Size}, but tells only where it and its right neighbour are: with "
                    + "more than 2 ranks, "
                    + $"{SettingKeys.Whole(SettingKeys.RingHosts)} or {SettingKeys.Whole(SettingKeys.RingHostFile)} "
                    + "should list all of them."
            );
        }

        Set(
            $"{SettingKeys.RingHosts}:{file.Rank}:0",
            new HostAndPort(IPAddress.Any.ToString(), file.Port).ToString(),
            FileVariable
        );
        Set(
            $"{SettingKeys.RingHosts}:{1 - file.Rank}:0",
            new HostAndPort(file.RightHost, file.RightPort).ToString(),
            FileVariable
        );
    }

    private sealed record RingFile(int Rank, int Size, int Port, string RightHost, int RightPort)
    {
        internal static RingFile Read(string path)
        {
            byte[] bytes = SmallFile.ReadBytes(path);
            try
            {
                using var json = WholeJson.Parse(bytes);
                JsonElement root = json.RootElement;
                if (root.ValueKind != JsonValueKind.Object)
                {
                    throw new FormatException("holds no JSON object.");
                }

                int size = Number(root, "world_size", 2, int.MaxValue);
                return new RingFile(
                    Number(root, "rank", 0, size - 1),
                    size,
                    Number(root, "port", 1, HostAndPort.MaxPort),
                    Host(root, "right_ip"),
                    Number(root, "right_port", 1, HostAndPort.MaxPort)
                );
            }
            catch (JsonException exception)
            {
                throw new FormatException($"is not JSON: {exception.Message}", exception);
            }
        }

        private static int Number(JsonElement root, string name, int least, int greatest)
        {
            string expected =
                $"but should be a number from {least}{(greatest == int.MaxValue ? "" : $" to {greatest}")}.";
            if (!root.TryGetProperty(name, out JsonElement element))
            {
                throw new FormatException($"has no \"{name}\", {expected}");
            }

            return
                element.ValueKind == JsonValueKind.Number
                && element.TryGetInt32(out int number)
                && number >= least
                && number <= greatest
                ? number
                : throw new FormatException($"has {Shown(element)} as \"{name}\", {expected}");
        }

        // A file that is not mistral.rs's can hold anything.
        private static string Shown(JsonElement element) =>
            element.GetRawText() is { Length: <= 80 } text ? text : "something long";

        // Without one the neighbour is on this host, as with the address that means any.
        private static string Host(JsonElement root, string name)
        {
            if (!root.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
            {
                return IPAddress.Loopback.ToString();
            }

            string? text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
            if (!IPAddress.TryParse(text, out IPAddress? address))
            {
                throw new FormatException($"has {Shown(element)} as \"{name}\", but should have an IP address.");
            }

            return (address.Equals(IPAddress.Any) ? IPAddress.Loopback : address).ToString();
        }
    }
}
