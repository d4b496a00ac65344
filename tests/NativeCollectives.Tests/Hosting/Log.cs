using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace NativeCollectives.Tests.Hosting;

/// <summary>Keeps what is logged.</summary>
internal sealed class Log : ILoggerProvider
{
    private readonly ConcurrentQueue<Line> _lines = [];
    private readonly SemaphoreSlim _written = new(0);

    public Line[] Lines => [.. _lines];

    /// <summary>Waits until a category has a line with a text in it.</summary>
    public async Task WaitForAsync(string category, string text, CancellationToken cancellation)
    {
        while (!_lines.Any(line => line.Category == category && line.Text.Contains(text, StringComparison.Ordinal)))
        {
            await _written.WaitAsync(cancellation);
        }
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        // The lines outlive the host.
    }

    internal sealed record Line(string Category, LogLevel Level, int Id, string Text);

    private sealed class Logger(Log log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            log._lines.Enqueue(new Line(category, logLevel, eventId.Id, formatter(state, exception)));
            log._written.Release();
        }
    }
}
