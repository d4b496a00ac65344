using System.Globalization;
using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>A rank that has been started: its process, or that of the ssh that runs it on another host.</summary>
internal abstract class Rank(RankPlan plan, ChildProcess process) : IDisposable
{
    private readonly Lock _inputLock = new();
    private bool _isInputClosed;

    public RankPlan Plan => plan;

    public ChildProcess Process => process;

    /// <summary>The end of what it has written to its standard error stream.</summary>
    public OutputTail ErrorTail { get; } = new();

    /// <summary>Whether it has said that it lost a peer.</summary>
    public virtual bool HasLostPeer => ErrorTail.TellsOfALostPeer;

    /// <summary>Whether its process, and all that it has started, has ended.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Waits on the calling thread for the end of the process.</summary>
    public abstract ProcessEnd Wait();

    /// <summary>Sends a signal to it and all that it has started: SIGTERM asks them to end.</summary>
    public abstract void Signal(int signal);

    /// <summary>Ends it, and all that it has started.</summary>
    public abstract void Kill();

    /// <summary>What it writes; what is not the program's is left out.</summary>
    /// <returns>The bytes that are the program's.</returns>
    public virtual ReadOnlySpan<byte> Filter(ReadOnlySpan<byte> output) => output;

    /// <summary>After the end of its process: ends what has outlived it.</summary>
    /// <param name="patience">How long that may take before it is asked to.</param>
    /// <param name="grace">How long it may take after that.</param>
    public void EndGroup(TimeSpan patience, TimeSpan grace)
    {
        if (!process.WaitForGroup(patience))
        {
            process.Signal(Signals.Terminate);
            if (!process.WaitForGroup(grace))
            {
                process.Signal(Signals.Kill);
                process.WaitForGroup(TimeSpan.FromSeconds(1));
            }
        }

        HasEnded = true;
    }

    /// <summary>Passes bytes to its standard input; one that reads no more does not get them.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_isInputClosed)
        {
            return;
        }

        try
        {
            process.Input.Write(bytes);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException)
        {
            CloseInput();
        }
    }

    public void CloseInput()
    {
        lock (_inputLock)
        {
            if (!_isInputClosed)
            {
                _isInputClosed = true;
                process.CloseInput();
            }
        }
    }

    public void Dispose()
    {
        CloseInput();
        process.Dispose();
    }
}

/// <summary>Several ranks in words.</summary>
internal static class Ranks
{
    private const int MostNamed = 8;

    /// <summary>Such as: rank 2; ranks 0, 2 and 3.</summary>
    public static string List(IEnumerable<Rank> ranks)
    {
        string[] numbers =
        [
            .. ranks
                .Select(static rank => rank.Plan.Rank)
                .Order()
                .Select(static rank => rank.ToString(CultureInfo.InvariantCulture)),
        ];
        return numbers switch
        {
            [var only] => $"rank {only}",
            { Length: > MostNamed } =>
                $"ranks {string.Join(", ", numbers[..MostNamed])} and {numbers.Length - MostNamed} more",
            _ => $"ranks {string.Join(", ", numbers[..^1])} and {numbers[^1]}",
        };
    }
}
