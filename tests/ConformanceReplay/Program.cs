using System.Globalization;

namespace NativeCollectives.ConformanceReplay;

/// <summary>
/// conformance-replay [--timeout SECONDS] [--split N] [--half-close] [--jobs N] [FOLDER ...] [-- PROGRAM [ARG ...]]
/// replays every case below the folders against the program, by default what NC_MLX_VECTORS names or the repository has
/// against artifacts/bin/conformance-rank. Ends with 0 if all have passed, 1 if one has not, 2 if there is nothing to
/// replay.
/// </summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        var separator = Array.IndexOf(arguments, "--");
        var own = new Queue<string>(separator < 0 ? arguments : arguments[..separator]);
        var options = new ReplayOptions
        {
            Command = separator < 0 ? [Vectors.ConformanceRank] : arguments[(separator + 1)..],
        };
        var folders = new List<string>();
        var jobs = Math.Max(2, Environment.ProcessorCount);
        while (own.TryDequeue(out var argument))
        {
            switch (argument)
            {
                case "--timeout":
                    options = options with
                    {
                        Timeout = TimeSpan.FromSeconds(double.Parse(own.Dequeue(), CultureInfo.InvariantCulture)),
                    };
                    break;
                case "--split":
                    options = options with { Split = int.Parse(own.Dequeue(), CultureInfo.InvariantCulture) };
                    break;
                case "--half-close":
                    options = options with { HalfClose = true };
                    break;
                case "--jobs":
                    jobs = int.Parse(own.Dequeue(), CultureInfo.InvariantCulture);
                    break;
                default:
                    folders.Add(argument);
                    break;
            }
        }
        var cases = (folders.Count > 0 ? folders : Vectors.Folders()).SelectMany(Vectors.Cases).ToList();
        if (cases.Count == 0)
        {
            await Console.Error.WriteLineAsync(
                "conformance-replay: no case.json below "
                    + string.Join(", ", folders.Count > 0 ? folders : Vectors.Folders())
            );
            return 2;
        }
        var failed = 0;
        var output = new Lock();
        await Parallel.ForEachAsync(
            cases,
            new ParallelOptions { MaxDegreeOfParallelism = jobs },
            async (folder, _) =>
            {
                IReadOnlyList<string> complaints;
                try
                {
                    complaints = await Replayer.ReplayAsync(RecordedCase.Read(folder), options);
                }
                catch (Exception exception)
                    when (exception
                            is IOException
                                or System.Text.Json.JsonException
                                or System.ComponentModel.Win32Exception
                    )
                {
                    complaints = [exception.Message];
                }
                lock (output)
                {
                    failed += complaints.Count > 0 ? 1 : 0;
                    Console.WriteLine((complaints.Count > 0 ? "FAIL " : "ok   ") + Path.GetFileName(folder));
                    foreach (var complaint in complaints)
                    {
                        Console.WriteLine("     " + complaint);
                    }
                }
            }
        );
        Console.WriteLine($"{cases.Count - failed} passed, {failed} failed");
        return failed > 0 ? 1 : 0;
    }
}
