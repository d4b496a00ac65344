using System.Globalization;
using System.Net;

namespace NativeCollectives.Hosting;

/// <summary>mistral.rs: its ring's file, and the variables of its heads and workers for NCCL.</summary>
/// <remarks>
/// The file names the own port and the right neighbour, but not the other ranks: with two ranks, whose right neighbour
/// is all the others, that makes a ring of ours. Only the file is mistral.rs's; the ranks are this library's, or MLX's.
/// </remarks>
internal sealed class MistralConfigurationProvider(LauncherVariables variables)
    : LauncherConfigurationProvider(variables, "mistral.rs", precedence: 6)
{
    private const string FileVariable = MistralRingFile.Variable;

    protected override void Map()
    {
        SetNccl(null, NcclBootstrap.Mistral);
        if (Variables[FileVariable] is not { } path)
        {
            return;
        }

        try
        {
            Map(MistralRingFile.Read(path));
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

    private void Map(MistralRingFile file)
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
}
