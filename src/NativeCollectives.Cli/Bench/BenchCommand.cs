using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using NativeCollectives.Cli.Processes;
using NativeCollectives.Hosting;
using Spectre.Console;

namespace NativeCollectives.Cli.Bench;

/// <summary><c>collectives bench</c>.</summary>
internal static class BenchCommand
{
    private const string Description = """
        Measures collective operations: how long they take, and how fast data moves.

        It starts ranks of its own on this machine, as many as --ranks says, and ends them again; or, if a launcher has
        started it on every rank, it measures the group of these. Every result is checked. Columns are those of
        nccl-tests: https://github.com/NVIDIA/nccl-tests.

        Examples:
          collectives bench                               all-reduce of float32, 2 ranks, 8 B to 32 MiB, over TCP
          collectives bench --op all-gather broadcast -n 2 4 --sizes 4K,1M
          collectives bench --op all --dtype all --redop all --max-bytes 64K --json result.json
          collectives launch --hosts 10.0.0.1,10.0.0.2 -- collectives bench --max-bytes 1G
        """;

    public static Command Create()
    {
        var options = new BenchCommandOptions();
        var command = new Command("bench", Description);
        foreach (Option option in options.All)
        {
            command.Options.Add(option);
        }

        // How the tool starts itself as the ranks.
        var rank = new Command("rank") { Hidden = true };
        rank.SetAction(_ => RankProgram.Run());
        command.Subcommands.Add(rank);
        command.SetAction((result, cancellationToken) => RunAsync(options.Read(result), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(BenchOptions options, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var interruption = new Interruption();
        using var scratch = new TemporaryFolder("native-collectives-bench-");
        interruption.Tell(_ => stop.Cancel());
        try
        {
            using DistributedGroup? group =
                options.Ranks.Count == 0 ? await LaunchedGroupAsync(options, stop.Token) : null;
            BenchPlan plan = group is null ? BenchPlan.Local(options, scratch) : BenchPlan.Launched(options, group);
            return await MeasureAsync(plan, options, stop.Token);
        }
        catch (OperationCanceledException) when (interruption.First is not null)
        {
            throw new ToolException("Stopped.", ExitCodes.Signalled + interruption.First.Value);
        }
        catch (CollectiveException exception)
        {
            throw new ToolException(Failure.Of($"rank {exception.Rank}", exception), cause: exception);
        }
    }

    private static async Task<int> MeasureAsync(
        BenchPlan plan,
        BenchOptions options,
        CancellationToken cancellationToken
    )
    {
        TextWriter output = Console.Out;
        using OutputFile? json = plan.IsReporter ? OutputFile.Open("--json", options.Json, output) : null;
        using OutputFile? csv = plan.IsReporter ? OutputFile.Open("--csv", options.Csv, output) : null;
        bool isTableShown =
            plan.IsReporter && !OutputFile.IsStandardOutput(options.Json) && !OutputFile.IsStandardOutput(options.Csv);
        IAnsiConsole? terminal =
            plan.IsReporter && !Console.IsErrorRedirected
                ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) })
                : null;
        var run = new BenchRun(
            plan,
            options.Pace,
            new ResultTable(isTableShown ? output : TextWriter.Null),
            new ProgressLine(terminal, plan.Jobs.Sum(job => job.Cases.Count))
        );
        try
        {
            await run.MeasureAsync(cancellationToken);
        }
        finally
        {
            // What has been measured is not lost, whatever came afterwards.
            if (run.Result.Rows.Count > 0 || run.Result.Complete)
            {
                json?.Write(ResultJson.Of(run.Result));
                csv?.Write(ResultCsv.Of(run.Result.Rows));
            }
        }

        if (run.Result.Rows.Count == 0)
        {
            throw new ToolException($"Nothing could be measured. {string.Join(' ', run.Result.LeftOut)}");
        }

        return run.Result.Errors == 0 ? ExitCodes.Success : ExitCodes.Unhealthy;
    }

    /// <summary>The group that a launcher has started this process in; <see langword="null"/>: none has.</summary>
    private static async Task<DistributedGroup?> LaunchedGroupAsync(
        BenchOptions options,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var settings = DistributedGroupSettings.From(
                new ConfigurationBuilder().AddLauncherEnvironment().AddEnvironmentVariables().Build()
            );
            if ((settings.Ring.Rank ?? settings.Nccl.Rank ?? settings.Jaccl.Rank) is null)
            {
                return null;
            }

            DistributedGroupOptions groupOptions = settings.ToGroupOptions();
            groupOptions.Backend = options.Backend == BackendKind.Any ? settings.Backend : options.Backend;
            groupOptions.Strict = true;
            groupOptions.OperationTimeout = options.Timeout;
            groupOptions.Jaccl!.Library ??= options.VerbsLibrary;
            groupOptions.Nccl!.Library ??= options.NcclLibrary;
            groupOptions.Nccl!.CudaLibrary ??= options.CudaLibrary;
            return await DistributedGroup.CreateAsync(groupOptions, cancellationToken);
        }
        catch (OptionsValidationException exception)
        {
            throw ToolException.Usage(
                "The configuration of the group that this process was launched in is wrong: "
                    + $"{string.Join(' ', exception.Failures)}"
            );
        }
        catch (CollectiveException exception)
        {
            throw new ToolException(
                $"The group that this process was launched in does not form: {exception.Message} (--ranks N starts N "
                    + "ranks here instead.)",
                cause: exception
            );
        }
    }
}
