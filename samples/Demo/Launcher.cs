using System.Diagnostics;

namespace NativeCollectives.Demo;

/// <summary>Starts this program once for each rank, and prints what the ranks say.</summary>
internal static class Launcher
{
    // More than any of this needs.
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(2);

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        if (DemoOptions.Parse(arguments) is not { } options)
        {
            await Console.Error.WriteLineAsync(DemoOptions.Usage);
            return 1;
        }
        try
        {
            using ILaunch launch = options.UsesRdma
                ? new RdmaLaunch(options.Ranks, options.PrefersRing)
                : new RingLaunch(options.Ranks);
            return await RunAsync(launch, options.Ranks);
        }
        catch (LaunchException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }
    }

    private static async Task<int> RunAsync(ILaunch launch, int ranks)
    {
        var processes = new List<Process>();
        try
        {
            for (var rank = 0; rank < ranks; rank++)
            {
                processes.Add(Start(launch.Variables(rank)));
            }

            using var limit = new CancellationTokenSource(_limit);
            var outputs = processes.Select(process => process.StandardOutput.ReadToEndAsync(limit.Token)).ToList();
            var errors = processes.Select(process => process.StandardError.ReadToEndAsync(limit.Token)).ToList();
            await Task.WhenAll(processes.Select(process => process.WaitForExitAsync(limit.Token)));
            for (var rank = 0; rank < ranks; rank++)
            {
                Console.Write(await outputs[rank]);
                Console.Error.Write(await errors[rank]);
            }
            var failed = processes.Count(process => process.ExitCode != 0);
            Console.WriteLine(failed == 0 ? $"{ranks} ranks, all well" : $"{failed} of {ranks} ranks failed");
            return failed == 0 ? 0 : 1;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("the ranks did not finish in time");
            return 1;
        }
        finally
        {
            foreach (var process in processes)
            {
                process.Kill(); // nothing happens to one that has ended
                process.Dispose();
            }
        }
    }

    private static Process Start(IReadOnlyDictionary<string, string> variables)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(Launcher).Assembly.Location);
        }
        start.ArgumentList.Add("rank");
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }
}
