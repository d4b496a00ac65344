namespace NativeCollectives.Demo;

/// <summary>The ranks cannot be started here; the message tells the user why.</summary>
internal sealed class LaunchException(string message) : Exception(message);
