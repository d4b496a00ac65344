using NativeCollectives.Tests.Harness;

/// <summary>
/// After the last test nothing that the tests started is left, whatever became of them. (Without a namespace: for the
/// whole assembly.)
/// </summary>
[SetUpFixture]
public sealed class TidyUp
{
    [OneTimeTearDown]
    public void KillWhatIsLeft() => ChildProcesses.KillAll();
}
