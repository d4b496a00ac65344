using System.Text.Json;
using NativeCollectives.Tests.Shared;

namespace NativeCollectives.Tests.Harness;

/// <summary>A temporary hostfile of a ring on this machine, and the ports that it names.</summary>
internal sealed class HostFile : IDisposable
{
    private readonly Ports _ports;

    public HostFile(int size, int sockets, string address = "127.0.0.1")
    {
        _ports = new Ports(size * sockets, address);
        var host = address.Contains(':') ? $"[{address}]" : address;
        Hosts = [.. _ports.Numbers.Chunk(sockets).Select(ports => ports.Select(port => $"{host}:{port}").ToArray())];
        Path = Write(JsonSerializer.Serialize(Hosts));
    }

    public string Path { get; }
    public string[][] Hosts { get; }

    public int Port(int rank, int socket = 0) => _ports.Numbers[(rank * Hosts[rank].Length) + socket];

    /// <summary>Lets ranks listen.</summary>
    public void Release() => _ports.Release();

    /// <summary>A file of that text, deleted by nobody but the system's own tidying or <see cref="Delete"/>.</summary>
    public static string Write(string text)
    {
        var path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"nc-hosts-{Guid.NewGuid():N}.json");
        File.WriteAllText(path, text);
        return path;
    }

    public static void Delete(string path) => File.Delete(path);

    public void Dispose()
    {
        Delete(Path);
        _ports.Dispose();
    }
}
