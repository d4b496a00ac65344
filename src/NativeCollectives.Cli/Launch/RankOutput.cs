using System.Text;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// One stream of one rank on its way to the tool's: whole lines at a time, so that those of several ranks do not mix, each with a prefix or as it is.
/// </summary>
/// <param name="write">Writes bytes to the tool's stream, all of them at once.</param>
/// <param name="prefix">What every line begins with; empty: nothing.</param>
/// <param name="isAlone">Whether no other rank writes, so that there is no reason to wait for the end of a line.</param>
internal sealed class RankOutput(Action<ReadOnlySpan<byte>> write, string prefix, bool isAlone)
{
    /// <summary>A longer line goes out in pieces.</summary>
    public const int LongestLine = 1 << 20;

    private readonly byte[] _prefix = Encoding.UTF8.GetBytes(prefix);
    private readonly MemoryStream _pending = new();

    /// <summary>With prefixes: what the unfinished line at the end of the pending bytes has, and how many bytes the lines before it take.</summary>
    private int _lineLength;
    private int _wholeLines;

    /// <summary>Takes what has come.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_prefix.Length == 0)
        {
            AppendRaw(bytes);
        }
        else
        {
            AppendPrefixed(bytes);
        }
    }

    /// <summary>The stream has ended, perhaps within a line.</summary>
    public void End()
    {
        if (_prefix.Length > 0 && _pending.Length > 0)
        {
            _pending.WriteByte((byte)'\n');
        }

        Flush();
    }

    private void AppendRaw(ReadOnlySpan<byte> bytes)
    {
        var whole = isAlone || _pending.Length + bytes.Length > LongestLine ? bytes.Length : bytes.LastIndexOf((byte)'\n') + 1;
        if (whole > 0)
        {
            _pending.Write(bytes[..whole]);
            Flush();
        }

        _pending.Write(bytes[whole..]);
    }

    private void AppendPrefixed(ReadOnlySpan<byte> bytes)
    {
        // All whole lines of a piece go out together.
        while (bytes.Length > 0)
        {
            if (_lineLength == 0)
            {
                _pending.Write(_prefix);
            }

            var end = bytes.IndexOf((byte)'\n');
            var room = LongestLine - _lineLength;
            if (end < 0 && bytes.Length < room)
            {
                _pending.Write(bytes);
                _lineLength += bytes.Length;
                break;
            }

            var length = end >= 0 && end < room ? end : room;
            _pending.Write(bytes[..length]);
            _pending.WriteByte((byte)'\n');
            bytes = bytes[(length == end ? length + 1 : length)..];
            _lineLength = 0;
            _wholeLines = (int)_pending.Length;
        }

        if (_wholeLines > 0)
        {
            var all = _pending.GetBuffer().AsSpan(0, (int)_pending.Length);
            write(all[.._wholeLines]);
            var rest = all[_wholeLines..].ToArray();
            Clear();
            _pending.Write(rest);
        }
    }

    private void Flush()
    {
        if (_pending.Length > 0)
        {
            write(_pending.GetBuffer().AsSpan(0, (int)_pending.Length));
        }

        Clear();
    }

    private void Clear()
    {
        _wholeLines = 0;
        _pending.SetLength(0);
        if (_pending.Capacity > 2 * LongestLine)
        {
            _pending.Capacity = 0;
        }
    }
}
