using System.Globalization;

namespace NativeCollectives;

/// <summary>A host and a port on it, written <c>host:port</c>; an IPv6 address stands in brackets.</summary>
internal readonly record struct HostAndPort(string Host, int Port)
{
    internal const int MaxPort = 65535;

    /// <summary>Takes <c>host:port</c> apart; <see langword="null"/> if the text is something else.</summary>
    /// <param name="text">The text.</param>
    /// <param name="leastPort">0: the port may be 0, as hostfiles of a ring have it for ranks that are no neighbours
    /// and whose addresses are not known.</param>
    internal static HostAndPort? Parse(string text, int leastPort = 1)
    {
        int colon = text.LastIndexOf(':');
        if (
            colon < 0
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            || port < leastPort
            || port > MaxPort
        )
        {
            return null;
        }

        string host = text[..colon];
        if (host is ['[', .. string address, ']'])
        {
            return address.Contains(':', StringComparison.Ordinal) && IsHost(address)
                ? new HostAndPort(address, port)
                : null;
        }

        return !host.Contains(':', StringComparison.Ordinal) && IsHost(host) ? new HostAndPort(host, port) : null;
    }

    /// <summary>Whether a text can be a host's name or address.</summary>
    internal static bool IsHost(string text) =>
        text.Length > 0
        && !text.Any(static character =>
            char.IsWhiteSpace(character) || char.IsControl(character) || character is '[' or ']' or '/'
        );

    public override string ToString()
    {
        string host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return string.Create(CultureInfo.InvariantCulture, $"{host}:{Port}");
    }
}
