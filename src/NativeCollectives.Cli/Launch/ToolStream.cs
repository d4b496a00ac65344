using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>Where the lines of several ranks go.</summary>
internal interface ILineStream
{
    /// <summary>Writes bytes, all of them at once.</summary>
    /// <param name="output">Whose they are.</param>
    /// <param name="prefix">
    /// What the first line begins with, unless it goes on with what the output has left unfinished there.
    /// </param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="isUnfinished">Whether they end within a line, which anybody else's bytes are to end first.</param>
    void Write(RankOutput output, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> bytes, bool isUnfinished);

    /// <summary>Whether the last line is one that the output has left unfinished.</summary>
    bool IsUnfinished(RankOutput output);
}

/// <summary>The tool's standard output, or its errors, as several threads write to it.</summary>
internal sealed class ToolStream(int descriptor) : ILineStream
{
    private readonly Lock _lock = new();
    private RankOutput? _unfinished;
    private bool _isBroken;

    /// <summary>
    /// Called once, with the error, when it cannot be written any more, as where nobody reads it; what is written after
    /// that is lost.
    /// </summary>
    public Action<int>? Broken { get; set; }

    /// <summary>Writes something of the tool's own.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => Write(null, [], bytes, isUnfinished: false);

    void ILineStream.Write(RankOutput output, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> bytes, bool isUnfinished) =>
        Write(output, prefix, bytes, isUnfinished);

    bool ILineStream.IsUnfinished(RankOutput output)
    {
        lock (_lock)
        {
            return _unfinished == output;
        }
    }

    private void Write(RankOutput? output, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> bytes, bool isUnfinished)
    {
        int error;
        lock (_lock)
        {
            if (_isBroken)
            {
                return;
            }

            var goesOn = _unfinished is not null && _unfinished == output;
            ReadOnlySpan<byte> end = _unfinished is null || goesOn ? [] : "\n"u8;
            _unfinished = isUnfinished ? output : null;
            error = StandardStreams.Write(
                descriptor,
                goesOn || (end.Length == 0 && prefix.Length == 0) ? bytes : [.. end, .. prefix, .. bytes]
            );
            if (error == 0)
            {
                return;
            }

            _isBroken = true;
        }

        Broken?.Invoke(error);
    }
}
