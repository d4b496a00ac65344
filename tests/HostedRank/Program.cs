using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeCollectives;

var builder = Host.CreateApplicationBuilder(args);
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
builder.Services.AddDistributedGroup(builder.Configuration);
switch (args[0])
{
    case "wait":
        builder.Services.AddHostedService<Waiting>();
        break;
    case "sum":
        builder.Services.AddHostedService<Summing>();
        break;
    default:
        throw new ArgumentException($"The program does wait or sum, not {args[0]}.");
}

await builder.Build().RunAsync();

/// <summary>Says that it is there, and calls nothing more.</summary>
internal sealed class Waiting(DistributedGroup group) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Console.Out.WriteLineAsync($"rank {group.Rank}");
        await Task.Delay(Timeout.Infinite, stoppingToken);
    }
}

/// <summary>Sums twice. When the job runs for the first time, rank 0 leaves after the first sum, as if it were done.</summary>
internal sealed class Summing(DistributedGroup group, IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await SumAsync(stoppingToken);
        if (group.Rank != 0 || Environment.GetEnvironmentVariable("NC_RESTART_COUNT") != "0")
        {
            int sum = await SumAsync(stoppingToken);
            await Console.Out.WriteLineAsync($"rank {group.Rank}: {sum}");
        }

        lifetime.StopApplication();
    }

    private async Task<int> SumAsync(CancellationToken cancellationToken)
    {
        int[] number = [group.Rank + 1];
        await group.AllSumAsync<int>(number, cancellationToken: cancellationToken);
        return number[0];
    }
}
