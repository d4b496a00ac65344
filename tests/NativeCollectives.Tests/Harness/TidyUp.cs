using NativeCollectives.Tests.Harness;

/// <summary>
/// After the last test nothing that the tests started is left, whatever became of them. (Without a namespace: for the
/// whole assembly.)
/// </summary>
[SetUpFixture]
public sealed class TidyUp
{
    /// <summary>
    /// A shell that starts the tests in the background has them ignore Ctrl-C, which the programs that they start would
    /// inherit.
    /// </summary>
    [OneTimeSetUp]
    public void HeedInterrupts()
    {
        if (!OperatingSystem.IsWindows())
        {
            Signals.HeedInterrupts();
        }
    }

    [OneTimeTearDown]
    public void EndWhatIsLeft()
    {
        TestContext.Progress.WriteLine(WorkerPool.Summary);
        try
        {
            WorkerPool.End();
        }
        finally
        {
            ChildProcesses.KillAll();
            LocalJaccl.DeleteFabrics();
        }
    }
}
