namespace NativeCollectives;

/// <summary>Every wait has a deadline: what a time limit may be.</summary>
internal static class Timeouts
{
    /// <summary>The rest of a sentence about a time limit that is none.</summary>
    internal const string Requirement = "should be positive and finite: at most 2147483647 milliseconds, about 24 days";

    internal static bool IsValid(TimeSpan timeout) =>
        timeout > TimeSpan.Zero && timeout.Ticks <= int.MaxValue * TimeSpan.TicksPerMillisecond;

    /// <summary>The limit in whole milliseconds, rounded up.</summary>
    internal static long ToMilliseconds(TimeSpan timeout) =>
        (timeout.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;

    /// <summary>What the native library takes for an operation's time limit: 0 stands for the group's.</summary>
    internal static long Of(TimeSpan? timeout)
    {
        if (timeout is not { } limit)
        {
            return 0;
        }

        return IsValid(limit)
            ? ToMilliseconds(limit)
            : throw new ArgumentOutOfRangeException(
                nameof(timeout),
                limit,
                $"The timeout {Requirement}; null stands for the group's own."
            );
    }
}
