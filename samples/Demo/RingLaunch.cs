using System.Globalization;
using System.Text.Json;
using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Demo;

/// <summary>A ring over TCP: every rank gets a hostfile.</summary>
internal sealed class RingLaunch : ILaunch
{
    private readonly string _hostFile = Path.GetTempFileName();

    public RingLaunch(int ranks) =>
        File.WriteAllText(
            _hostFile,
            JsonSerializer.Serialize(FreePorts.OfLoopback(ranks).Select(address => new[] { address }))
        );

    public IReadOnlyDictionary<string, string> Variables(int rank) =>
        new Dictionary<string, string>
        {
            ["MLX_RANK"] = rank.ToString(CultureInfo.InvariantCulture),
            ["MLX_HOSTFILE"] = _hostFile,
        };

    public void Dispose() => File.Delete(_hostFile);
}
