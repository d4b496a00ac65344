using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NativeCollectives;
using NativeCollectives.Hosting;

var builder = Host.CreateApplicationBuilder(args);
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

// rank and peers from configuration, or from what launched the program
builder.Services.AddDistributedGroup(builder.Configuration);
builder.Services.AddHostedService<Service>();
await builder.Build().RunAsync();

/// <summary>The head takes requests and publishes them; every rank, the head too, does its part of each.</summary>
internal sealed class Service(DistributedGroup group, IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ServeAsync(stoppingToken);
        }
        catch
        {
            Environment.ExitCode = 1; // the host stops on an exception, but calls that a success
            throw;
        }

        lifetime.StopApplication();
    }

    private async Task ServeAsync(CancellationToken stoppingToken)
    {
        await using var replicator = await RequestReplicator.CreateAsync(group, cancellationToken: stoppingToken);
        if (replicator.IsPublisher)
        {
            foreach (var request in new Request[] { new("first", [1, 2, 3, 4]), new("second", [5, 6, 7, 8]) })
            {
                await replicator.PublishJsonAsync(request, Messages.Default.Request, stoppingToken);
                Console.WriteLine(
                    $"head of {group.Size}: {request.Name} = {await AnswerAsync(request, stoppingToken)}"
                );
            }

            await replicator.CompleteAsync(cancellationToken: stoppingToken);
        }
        else
        {
            var count = 0;
            await foreach (var request in replicator.ReadAllJsonAsync(Messages.Default.Request, stoppingToken))
            {
                await AnswerAsync(request!, stoppingToken);
                count++;
            }

            Console.WriteLine($"worker {group.Rank} of {group.Size}: {count} requests");
        }
    }

    // The model: the sum of squares, to which each rank adds those of its share.
    private async Task<float> AnswerAsync(Request request, CancellationToken cancellationToken)
    {
        float[] sum =
        [
            request.Numbers.Where((_, index) => index % group.Size == group.Rank).Sum(number => number * number),
        ];
        await group.AllReduceAsync(sum, cancellationToken: cancellationToken);
        return sum[0];
    }
}

internal sealed record Request(string Name, float[] Numbers);

[JsonSerializable(typeof(Request))]
internal sealed partial class Messages : JsonSerializerContext;
