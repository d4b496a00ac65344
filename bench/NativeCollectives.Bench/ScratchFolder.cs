namespace NativeCollectives.Bench;

/// <summary>A folder of its own for what is needed meanwhile.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string FullPath { get; } = Directory.CreateTempSubdirectory("native-collectives-bench-").FullName;

    public string NewFile() => Path.Combine(FullPath, Path.GetRandomFileName());

    public string NewFolder() => Directory.CreateDirectory(NewFile()).FullName;

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
