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
