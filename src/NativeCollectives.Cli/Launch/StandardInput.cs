using System.Globalization;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>Which ranks get the tool's standard input.</summary>
/// <param name="Rank">The only one; null: all, or none.</param>
/// <param name="IsForAll">Whether all get it, where none is named.</param>
internal readonly record struct InputTarget(int? Rank, bool IsForAll)
{
    /// <summary>What one looks like, for errors.</summary>
    public const string Expected = "the number of a rank, all or none";

    public static readonly InputTarget RankZero = new(0, false);

    /// <summary>Reads one; null if the text is none.</summary>
    public static InputTarget? Parse(string text) =>
        text switch
        {
            "all" => new(null, true),
            "none" => new(null, false),
            _ => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var rank)
                ? new(rank, false)
                : null,
        };

    public bool Includes(int rank) => Rank is { } only ? rank == only : IsForAll;
}

/// <summary>
/// Passes the tool's standard input on to ranks, and its end. A rank that reads no more is left out; one that does not
/// read at all holds the others up.
/// </summary>
internal sealed class StandardInput
{
    private readonly Lock _lock = new();
    private IReadOnlyList<Rank> _ranks = [];
    private bool _isStarted;
    private bool _hasEnded;

    /// <summary>Passes what is read from now on to these ranks, rather than to those before.</summary>
    public void PassTo(IReadOnlyList<Rank> ranks)
    {
        lock (_lock)
        {
            _ranks = ranks;
            if (_hasEnded)
            {
                Close();
            }
        }

        if (!_isStarted)
        {
            _isStarted = true;
            new Thread(Run) { IsBackground = true, Name = "standard input" }.Start();
        }
    }

    private void Run()
    {
        var buffer = new byte[1 << 16];
        while (StandardStreams.Read(buffer) is > 0 and var count)
        {
            IReadOnlyList<Rank> ranks;
            lock (_lock)
            {
                ranks = _ranks;
            }

            foreach (var rank in ranks)
            {
                rank.Write(buffer.AsSpan(0, count));
            }
        }

        lock (_lock)
        {
            _hasEnded = true;
            Close();
        }
    }

    private void Close()
    {
        foreach (var rank in _ranks)
        {
            rank.CloseInput();
        }
    }
}
