using System.Text;

namespace NativeCollectives.Cli.Launch;

/// <summary>The end of what a rank has written, for whoever asks afterwards why it failed.</summary>
internal sealed class OutputTail
{
    /// <summary>So many bytes are kept, at most.</summary>
    private const int Room = 1 << 16;

    private const int MostLines = 20;
    private const int LongestLine = 400;

    /// <summary>How a runtime begins to say what has ended the program.</summary>
    private static readonly string[] _beginnings =
    [
        "Unhandled exception.",
        "Traceback (most recent call last)",
        "panicked at",
    ];

    /// <summary>What a rank says that only noticed the end of another one: of ours, of MLX's ring, of NCCL.</summary>
    private static readonly string[] _signsOfALostPeer =
    [
        "PeerLostException",
        "gave up while the group was formed",
        "gave it up:",
        "[ring] Receiving from socket",
        "[ring] Sending to socket",
        "Connection reset by peer",
        "ncclRemoteError",
    ];

    private readonly Lock _lock = new();

    // The byte number i of all is at i modulo the room.
    private readonly byte[] _bytes = new byte[Room];
    private long _count;

    /// <summary>Takes what has come.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            ReadOnlySpan<byte> kept = bytes[Math.Max(0, bytes.Length - Room)..];
            var place = (int)((_count + bytes.Length - kept.Length) % Room);
            int first = Math.Min(kept.Length, Room - place);
            kept[..first].CopyTo(_bytes.AsSpan(place));
            kept[first..].CopyTo(_bytes);
            _count += bytes.Length;
        }
    }

    /// <summary>Whether it says that a peer was lost.</summary>
    public bool TellsOfALostPeer => Array.Exists(_signsOfALostPeer, Text().Contains);

    /// <summary>The last lines, as a terminal can show them; those of an exception from its beginning on.</summary>
    public IReadOnlyList<string> Lines()
    {
        string[] lines =
        [
            .. Text().Split('\n').Select(static line => line.TrimEnd('\r')).Where(static line => line.Length > 0),
        ];
        int start = Array.FindLastIndex(
            lines,
            line => Array.Exists(_beginnings, beginning => line.Contains(beginning, StringComparison.Ordinal))
        );
        IEnumerable<string> shown = start >= 0 ? lines.Skip(start).Take(MostLines) : lines.TakeLast(MostLines);
        return [.. shown.Select(static line => Shown.Text(line, LongestLine))];
    }

    private string Text()
    {
        lock (_lock)
        {
            var place = (int)(_count % Room);
            return _count <= Room
                ? Encoding.UTF8.GetString(_bytes.AsSpan(0, (int)_count))
                : Encoding.UTF8.GetString([.. _bytes.AsSpan(place), .. _bytes.AsSpan(0, place)]);
        }
    }
}
