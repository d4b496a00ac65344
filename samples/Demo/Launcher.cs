using NativeCollectives.Cli.Processes;

namespace NativeCollectives.Demo;

/// <summary>Starts this program once for each rank, and prints what the ranks say.</summary>
internal static class Launcher
{
    // More than any of this needs.
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(2);

    // This program, as a rank.
    private static readonly string[] _rank =
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [Environment.ProcessPath!, typeof(Launcher).Assembly.Location, "rank"]
            : [Environment.ProcessPath!, "rank"];

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
        var processes = new List<PipedProcess>();
        try
        {
            for (var rank = 0; rank < ranks; rank++)
            {
                processes.Add(PipedProcess.Start(_rank, launch.Variables(rank)));
            }

            using var limit = new CancellationTokenSource(_limit);
            var results = await Task.WhenAll(processes.Select(process => process.EndAsync(limit.Token)));
            foreach (var result in results)
            {
                Console.Write(result.Output);
                Console.Error.Write(result.Errors);
            }
            var failed = results.Count(result => result.ExitCode != 0);
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
            processes.ForEach(process => process.Dispose());
        }
    }
}
