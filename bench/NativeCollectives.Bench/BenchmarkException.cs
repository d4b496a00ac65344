namespace NativeCollectives.Bench;

/// <summary>The benchmark cannot go on; the message tells the user why.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
