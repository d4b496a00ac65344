namespace NativeCollectives.Cli;

/// <summary>A folder of its own for what is needed meanwhile; it is made when it is first asked for.</summary>
/// <param name="prefix">How its name begins.</param>
internal sealed class TemporaryFolder(string prefix) : IDisposable
{
    private readonly Lazy<string> _path = new(() => Create(prefix));

    /// <exception cref="ToolException">None can be made where temporary files belong.</exception>
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

    private static string Create(string prefix)
    {
        try
        {
            return Directory.CreateTempSubdirectory(prefix).FullName;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(
                $"no temporary folder can be made in {Shown.Text(Path.GetTempPath())}, which TMPDIR names: "
                    + $"{failure.Message}"
            );
        }
    }
}
