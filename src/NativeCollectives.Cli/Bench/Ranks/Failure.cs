namespace NativeCollectives.Cli.Bench;

/// <summary>Words a rank's failure in one line.</summary>
internal static class Failure
{
    public static string Of(string rank, Exception exception) =>
        exception switch
        {
            OutOfMemoryException =>
                $"{rank}: the machine does not have the memory for the buffers; --max-bytes makes them smaller.",
            CollectiveException or ToolException => $"{rank}: {exception.Message}".ReplaceLineEndings(" "),
            _ => $"{rank}: {exception.GetType().Name}: {exception.Message}".ReplaceLineEndings(" "),
        };
}
