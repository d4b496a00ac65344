namespace NativeCollectives.Hosting;

/// <summary>What one rank tells the others of a failure.</summary>
internal static class Failures
{
    internal static string Reason(Exception failure) => $"{failure.GetType().Name}: {failure.Message}";
}
