using System.Diagnostics;

namespace NativeCollectives;

/// <summary>A time limit for several steps, which has begun.</summary>
internal readonly struct Deadline(TimeSpan limit)
{
    private readonly long _begin = Stopwatch.GetTimestamp();

    /// <summary>What is left of it, as a time limit for the next step: no less than a millisecond.</summary>
    internal TimeSpan Remaining
    {
        get
        {
            TimeSpan remaining = limit - Stopwatch.GetElapsedTime(_begin);
            return remaining > TimeSpan.FromMilliseconds(1) ? remaining : TimeSpan.FromMilliseconds(1);
        }
    }
}
