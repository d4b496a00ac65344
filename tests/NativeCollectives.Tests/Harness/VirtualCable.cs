using System.ComponentModel;
using System.Diagnostics;

namespace NativeCollectives.Tests.Harness;

/// <summary>Two hosts, which are network namespaces, and a cable between them that can be cut.</summary>
internal sealed class VirtualCable : IDisposable
{
    private static int _made;

    /// <summary>Makes both hosts and the cable.</summary>
    public VirtualCable()
    {
        var name = $"nc{Environment.ProcessId}x{Interlocked.Increment(ref _made)}";
        Hosts = [$"{name}a", $"{name}b"];
        try
        {
            foreach (var host in Hosts)
            {
                Ip("netns", "add", host);
            }
            Ip("link", "add", "cable", "netns", Hosts[0], "type", "veth", "peer", "name", "cable", "netns", Hosts[1]);
            for (var i = 0; i < Hosts.Length; i++)
            {
                Ip("-n", Hosts[i], "addr", "add", $"{Address(i)}/24", "dev", "cable");
                Ip("-n", Hosts[i], "link", "set", "lo", "up");
                Ip("-n", Hosts[i], "link", "set", "cable", "up");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The names of the namespaces.</summary>
    public string[] Hosts { get; }

    /// <summary>The address of a host.</summary>
    public static string Address(int host) => $"10.77.0.{host + 1}";

    /// <summary>Why there can be no cable here; null if there can.</summary>
    public static string? Unavailable()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "network namespaces are Linux's";
        }
        if (!Environment.IsPrivilegedProcess)
        {
            return "network namespaces need root";
        }
        try
        {
            using var cable = new VirtualCable();
            return null;
        }
        catch (Win32Exception)
        {
            return "ip (Debian package iproute2) is missing";
        }
        catch (InvalidOperationException exception)
        {
            return $"network namespaces are not allowed here: {exception.Message}";
        }
    }

    /// <summary>Nothing passes any more, and nobody is told.</summary>
    public void Cut() => Ip("-n", Hosts[1], "link", "set", "cable", "down");

    public void Dispose()
    {
        // The cable goes with the namespaces, these with the last process in them.
        foreach (var host in Hosts)
        {
            Run("netns", "del", host);
        }
    }

    private static void Ip(params string[] arguments)
    {
        var (code, errors) = Run(arguments);
        if (code != 0)
        {
            throw new InvalidOperationException($"ip {string.Join(' ', arguments)}: {errors}");
        }
    }

    private static (int Code, string Errors) Run(params string[] arguments)
    {
        var info = new ProcessStartInfo("ip", arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors.Trim());
    }
}
