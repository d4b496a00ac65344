using System.Text;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// One stream of one rank on its way to the tool's: whole lines at a time, so that those of several ranks do not mix,
/// each with a prefix or as it is.
/// </summary>
/// <param name="stream">The tool's.</param>
/// <param name="prefix">What every line begins with; empty: nothing.</param>
/// <param name="isAlone">
/// Whether no other rank writes, so that there is no reason to wait for the end of a line.
/// </param>
internal sealed class RankOutput(ILineStream stream, string prefix, bool isAlone)
{
    /// <summary>A longer line goes out in pieces.</summary>
    public const int LongestLine = 1 << 20;

    private readonly Lock _lock = new();
    private readonly byte[] _prefix = Encoding.UTF8.GetBytes(prefix);
    private readonly MemoryStream _pending = new();

    /// <summary>
    /// With prefixes: what the unfinished line at the end of the pending bytes has, and how many bytes the lines before
    /// it take.
    /// </summary>
    private int _lineLength;
    private int _wholeLines;

    /// <summary>How long the pending part of a line was when somebody last asked for it to be shown.</summary>
    private long _asked;

    /// <summary>Takes what has come.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
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
    }

    /// <summary>
    /// Shows the beginning of a line that has not gone on since this was called before, such as a question or a
    /// progress bar: from time to time, on a terminal.
    /// </summary>
    public void ShowUnfinished()
    {
        lock (_lock)
        {
            if (_pending.Length > 0 && _pending.Length == _asked)
            {
                Flush(isUnfinished: true);
            }

            _asked = _pending.Length;
        }
    }

    /// <summary>The stream has ended, perhaps within a line.</summary>
    public void End()
    {
        lock (_lock)
        {
            if (_prefix.Length > 0 && (_pending.Length > 0 || stream.IsUnfinished(this)))
            {
                _pending.WriteByte((byte)'\n');
            }

            Flush();
        }
    }

    private void AppendRaw(ReadOnlySpan<byte> bytes)
    {
        var whole =
            isAlone || _pending.Length + bytes.Length > LongestLine ? bytes.Length : bytes.LastIndexOf((byte)'\n') + 1;
        if (whole > 0)
        {
            _pending.Write(bytes[..whole]);
            Flush();
        }

        _pending.Write(bytes[whole..]);
    }

    private void AppendPrefixed(ReadOnlySpan<byte> bytes)
    {
        // All whole lines of a piece go out together. The prefix of the first is the stream's affair: it may be there
        // already.
        while (bytes.Length > 0)
        {
            if (_lineLength == 0 && _pending.Length > 0)
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
            stream.Write(this, _prefix, all[.._wholeLines], isUnfinished: false);
            var rest = all.Length > _wholeLines ? all[(_wholeLines + _prefix.Length)..].ToArray() : [];
            Clear();
            _pending.Write(rest);
        }
    }

    private void Flush(bool isUnfinished = false)
    {
        if (_pending.Length > 0)
        {
            stream.Write(this, _prefix, _pending.GetBuffer().AsSpan(0, (int)_pending.Length), isUnfinished);
        }

        Clear();
        _lineLength = 0;
    }

    private void Clear()
    {
        _wholeLines = 0;
        _asked = 0;
        _pending.SetLength(0);
        if (_pending.Capacity > 2 * LongestLine)
        {
            _pending.Capacity = 0;
        }
    }
}
