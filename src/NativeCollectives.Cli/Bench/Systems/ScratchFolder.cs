namespace NativeCollectives.Cli.Bench;

/// <summary>A folder of its own for what is needed meanwhile; it is made when it is first asked for.</summary>
internal sealed class ScratchFolder : IDisposable
{
    private readonly Lazy<string> _path = new(() =>
        Directory.CreateTempSubdirectory("native-collectives-bench-").FullName
    );

    public string FullPath => _path.Value;

    public string NewFile() => Path.Combine(FullPath, Path.GetRandomFileName());

    public string NewFolder() => Directory.CreateDirectory(NewFile()).FullName;

    public void Dispose()
    {
        if (_path.IsValueCreated)
        {
            Directory.Delete(FullPath, recursive: true);
        }
    }
}
