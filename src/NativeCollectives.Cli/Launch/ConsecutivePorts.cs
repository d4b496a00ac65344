using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Launch;

/// <summary>One after the other, from a first one, as mlx.launch does.</summary>
internal sealed class ConsecutivePorts(int first) : IPorts
{
    private int _count;

    public int Next(string address) => first + _count <= 65535
        ? first + _count++
        : throw ToolException.Usage($"the ports from {first} on do not suffice: each rank, address and connection needs one, up to 65535");
}
