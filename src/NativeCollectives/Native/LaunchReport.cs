namespace NativeCollectives;

/// <summary>
/// What a rank tells <c>collectives launch</c> besides its exit code: that it has lost a peer, so that whatever it ends
/// with is hardly the reason why the job failed.
/// </summary>
internal static class LaunchReport
{
    /// <summary>The file that is written, which the launcher names; nobody is told without it.</summary>
    internal const string Variable = "NC_LAUNCH_REPORT";

    private static int _isTold;

    /// <summary>A peer is lost.</summary>
    internal static void PeerLost(string message)
    {
        if (Interlocked.Exchange(ref _isTold, 1) == 0)
        {
            Try(file => File.WriteAllText(file, message));
        }
    }

    /// <summary>A new group has been formed: what was lost before has been made good.</summary>
    internal static void Recovered()
    {
        if (Interlocked.Exchange(ref _isTold, 0) != 0)
        {
            Try(File.Delete);
        }
    }

    private static void Try(Action<string> action)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } file)
        {
            return;
        }

        try
        {
            action(file);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // It only makes the launcher's message better.
        }
    }
}
