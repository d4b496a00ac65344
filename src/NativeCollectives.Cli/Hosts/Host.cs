using System.Net;

namespace NativeCollectives.Cli.Hosts;

/// <summary>One host of a hostfile: one rank, in the order of the ranks.</summary>
/// <param name="Ssh">
/// The name by which ssh reaches it; 127.0.0.1, localhost and ::1 are this machine, which needs no ssh.
/// </param>
internal sealed record Host(string Ssh)
{
    /// <summary>The addresses at which the other ranks reach it.</summary>
    public IReadOnlyList<string> Ips { get; init; } = [];

    /// <summary>
    /// Its row of the device matrix: entry j holds the names of the RDMA devices towards rank j, and is empty where
    /// there is none (null in the file). Null: it has no row.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<string>>? Rdma { get; init; }

    /// <summary>
    /// The program and arguments of this host instead of those of the command line; beyond MLX's format.
    /// </summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Variables of this host's alone, each NAME=VALUE; beyond MLX's format.</summary>
    public IReadOnlyList<string> Envs { get; init; } = [];

    /// <summary>The folder in which this host's program starts; beyond MLX's format.</summary>
    public string? Cwd { get; init; }

    /// <summary>The name or address of the host alone: ssh may be told a user too, user@host.</summary>
    public string Name => Ssh[(Ssh.LastIndexOf('@') + 1)..];

    /// <summary>Every address of loopback is this machine: several make one machine look like several hosts.</summary>
    public bool IsLocal => IsLoopback(Ssh);

    /// <summary>Whether a name or an address means every host itself.</summary>
    public static bool IsLoopback(string name) =>
        name == "localhost" || (IPAddress.TryParse(name, out IPAddress? address) && IPAddress.IsLoopback(address));
}
