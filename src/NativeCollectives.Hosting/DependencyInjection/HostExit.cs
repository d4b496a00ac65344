namespace NativeCollectives.Hosting;

/// <summary>Says with which exit code the process ends after a group has failed.</summary>
internal class HostExit
{
    internal const int FailureCode = 1;

    /// <summary>The process ends with a code that is not 0. What the program has set itself is kept.</summary>
    internal virtual void Fail()
    {
        if (Environment.ExitCode == 0)
        {
            Environment.ExitCode = FailureCode;
        }
    }
}
