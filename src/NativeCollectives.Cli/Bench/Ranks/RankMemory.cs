namespace NativeCollectives.Cli.Bench;

/// <summary>The memory of a rank, which all cases use one after the other.</summary>
internal sealed class RankMemory : IDisposable
{
    /// <summary>For the input, or for input and output where they share memory.</summary>
    public Pages Input { get; } = new();

    public Pages Output { get; } = new();

    public void Dispose()
    {
        Input.Dispose();
        Output.Dispose();
    }
}
