using System.Globalization;
using Spectre.Console;

namespace NativeCollectives.Bench;

/// <summary>The result as tables, which are Markdown at the same time.</summary>
internal static class Report
{
    public static void Print(BenchmarkResult result, TextWriter writer)
    {
        if (result.Rows.Count == 0)
        {
            return;
        }
        var rows = NewTable(
            ["system", "op", "in place", "type"],
            ["ranks", "sockets", "size (B)", "count", "min µs", "median µs", "p99 µs", "algbw GB/s", "busbw GB/s", "CPU µs", "errors"]);
        foreach (var row in result.Rows)
        {
            rows.AddRow(
                row.System, row.Operation, row.InPlace ? "yes" : "no", row.Dtype, Whole(row.Ranks), Whole(row.Sockets), Whole(row.Bytes), Whole(row.Count),
                Time(row.MinUs), Time(row.MedianUs), Time(row.P99Us), Bandwidth(row.AlgbwGbps), Bandwidth(row.BusbwGbps), Time(row.CpuUs), Whole(row.Errors));
        }
        Write(rows, writer);

        foreach (var peer in result.Ratios.GroupBy(ratio => ratio.Peer))
        {
            var own = peer.First().System;
            var ratios = NewTable(
                ["op", "in place"],
                ["ranks", "sockets", "size (B)", $"{own} µs", $"{peer.Key} µs", "time ratio", "CPU ratio"]);
            foreach (var ratio in peer)
            {
                ratios.AddRow(
                    ratio.Operation, ratio.InPlace ? "yes" : "no", Whole(ratio.Ranks), Whole(ratio.Sockets), Whole(ratio.Bytes),
                    Time(ratio.MedianUs), Time(ratio.PeerMedianUs), Bandwidth(ratio.MedianRatio), Bandwidth(ratio.CpuRatio));
            }
            writer.WriteLine();
            writer.WriteLine($"{own} / {peer.Key}, medians (below 1: {own} needs less)");
            writer.WriteLine();
            Write(ratios, writer);
        }
    }

    private static Table NewTable(IEnumerable<string> texts, IEnumerable<string> numbers)
    {
        var table = new Table().MarkdownBorder();
        foreach (var text in texts)
        {
            table.AddColumn(text, column => column.NoWrap().LeftAligned());
        }
        foreach (var number in numbers)
        {
            table.AddColumn(number, column => column.NoWrap().RightAligned());
        }
        return table;
    }

    private static void Write(Table table, TextWriter writer)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = 1000; // never wrapped
        console.Write(table);
        foreach (var line in text.ToString().Split('\n').Where(line => !string.IsNullOrWhiteSpace(line)))
        {
            writer.WriteLine(line.TrimEnd());
        }
    }

    private static string Whole(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Time(double value) => value.ToString("F1", CultureInfo.InvariantCulture);

    private static string Bandwidth(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
