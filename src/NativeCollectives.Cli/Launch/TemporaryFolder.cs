namespace NativeCollectives.Cli.Launch;

/// <summary>The folder for a job's files.</summary>
internal static class TemporaryFolder
{
    /// <summary>Makes a new one.</summary>
    /// <exception cref="ToolException">None can be made where temporary files belong.</exception>
    public static string Create()
    {
        try
        {
            return Directory.CreateTempSubdirectory("collectives-launch-").FullName;
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
