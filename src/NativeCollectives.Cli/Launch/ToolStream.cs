using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Cli.Launch;

/// <summary>The tool's standard output, or its errors, as several threads write to it.</summary>
internal sealed class ToolStream(int descriptor)
{
    private readonly Lock _lock = new();
    private bool _isBroken;

    /// <summary>Called once, when nobody reads it any more; what is written after that is lost.</summary>
    public Action? Broken { get; set; }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_isBroken || StandardStreams.Write(descriptor, bytes))
            {
                return;
            }

            _isBroken = true;
        }

        Broken?.Invoke();
    }
}
