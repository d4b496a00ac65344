using System.Diagnostics;
using System.Globalization;

namespace NativeCollectives.ConformanceReplay;

/// <summary>
/// A rank under test that stays up: a program that reads cases from its standard input, a line each, and answers each
/// with a line. One case at a time; after a case that did not pass it is of no more use.
/// </summary>
public sealed class RankProcess : IDisposable
{
    private readonly Process _process;
    private bool _isDisposed;

    /// <param name="command">The program and its arguments.</param>
    public RankProcess(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        command.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
    }

    /// <summary>Gives it a case; the task ends with its answer, which is empty if all is well.</summary>
    internal async Task<string> RunAsync(
        RecordedCase recorded,
        string hostFile,
        string output,
        CancellationToken cancellationToken
    )
    {
        var rank = recorded.Rank.ToString(CultureInfo.InvariantCulture);
        await _process.StandardInput.WriteLineAsync(
            string.Join('\t', recorded.Folder, output, hostFile, rank).AsMemory(),
            cancellationToken
        );
        await _process.StandardInput.FlushAsync(cancellationToken);
        return await _process.StandardOutput.ReadLineAsync(cancellationToken) ?? "the program has ended";
    }

    /// <summary>Ends it; more than once is once.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }
        _isDisposed = true;
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
