using System.Globalization;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Runs seeded rounds and says how to repeat one that failed. <c>NC_FUZZ_SEED</c>, <c>NC_FUZZ_ROUNDS</c> and
/// <c>NC_FUZZ_ROUND</c> are as in
/// <c>native/tests/fuzz.h</c>.
/// </summary>
internal static class Fuzzer
{
    private static readonly int _seed = (int)(Setting("NC_FUZZ_SEED") ?? Random.Shared.Next());

    /// <summary>Runs so many rounds, or those for which there is time; gives their number.</summary>
    public static int Run(string format, int rounds, Action<Random> body) =>
        RunAsync(
                format,
                rounds,
                random =>
                {
                    body(random);
                    return Task.CompletedTask;
                }
            )
            .GetAwaiter()
            .GetResult();

    /// <inheritdoc cref="Run"/>
    public static async Task<int> RunAsync(string format, int rounds, Func<Random, Task> body)
    {
        // A slow machine does fewer.
        long until = Environment.TickCount64 + 20_000;
        long first = Setting("NC_FUZZ_ROUND") ?? 0;
        long end = Setting("NC_FUZZ_ROUND") + 1 ?? Setting("NC_FUZZ_ROUNDS") ?? rounds;
        int done = 0;
        for (long round = first; round < end && Environment.TickCount64 < until; round++)
        {
            try
            {
                await body(new Random(unchecked((_seed * 1_000_003) + (int)round)));
            }
            catch (Exception exception) when (exception is not SuccessException)
            {
                throw new AssertionException(
                    $"To repeat it: NC_FUZZ_SEED={_seed} NC_FUZZ_ROUND={round}. {exception}",
                    exception
                );
            }
            done++;
        }

        // What build.cake shows in the summary.
        TestContext.Out.WriteLine($"fuzzer: {format}, {done} rounds, seed {_seed}");
        Assert.That(done, Is.Positive);
        return done;
    }

    private static long? Setting(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value
            ? long.Parse(value, CultureInfo.InvariantCulture)
            : null;
}
