namespace NativeCollectives;

/// <summary>
/// The standard error stream, for what must not be lost where the program has no
/// <see cref="DistributedGroupOptions.Log"/>.
/// </summary>
internal static class StandardError
{
    /// <summary>Writes one line. A stream that is closed or full is nobody's failure.</summary>
    internal static void Warn(string message)
    {
        try
        {
            Console.Error.WriteLine($"NativeCollectives: {OptionCheck.Visible(message)}");
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException) { }
    }
}
