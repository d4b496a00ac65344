namespace NativeCollectives.Cli.Launch;

/// <summary>How a job has ended.</summary>
/// <param name="ExitCode">The tool's exit code.</param>
/// <param name="Messages">What the user is told, in this order.</param>
/// <param name="CanRestart">Whether a rank has failed, rather than the job been ended from outside.</param>
internal readonly record struct JobResult(int ExitCode, IReadOnlyList<string> Messages, bool CanRestart);
