using System.Globalization;
using Spectre.Console;

namespace NativeCollectives.Bench;

/// <summary>The result as tables, which are Markdown at the same time.</summary>
internal static class Report
{
    private static readonly Column<Row>[] _rowColumns =
    [
        new("system", row => row.System, IsText: true),
        new("op", row => row.Operation, IsText: true),
        new("in place", row => row.InPlace ? "yes" : "no", IsText: true),
        new("type", row => row.Dtype, IsText: true),
        new("memory", row => row.Memory, IsText: true),
        new("ranks", row => Whole(row.Ranks)),
        new("sockets", row => Whole(row.Sockets)),
        new("topology", row => row.Topology, IsText: true),
        new("wires", row => Whole(row.Wires)),
        new("devices", row => Whole(row.Devices)),
        new("batch", row => Whole(row.Batch)),
        new("size (B)", row => Whole(row.Bytes)),
        new("count", row => Whole(row.Count)),
        new("min µs", row => Time(row.MinUs)),
        new("median µs", row => Time(row.MedianUs)),
        new("p99 µs", row => Time(row.P99Us)),
        new("algbw GB/s", row => Quotient(row.AlgbwGbps)),
        new("busbw GB/s", row => Quotient(row.BusbwGbps)),
        new("CPU µs", row => Time(row.CpuUs)),
        new("errors", row => Whole(row.Errors)),
    ];

    private static readonly Column<Ratio>[] _ratioKeys =
    [
        new("op", ratio => ratio.Operation, IsText: true),
        new("in place", ratio => ratio.InPlace ? "yes" : "no", IsText: true),
        new("memory", ratio => ratio.Memory, IsText: true),
        new("ranks", ratio => Whole(ratio.Ranks)),
        new("sockets", ratio => Whole(ratio.Sockets)),
        new("topology", ratio => ratio.Topology, IsText: true),
        new("wires", ratio => Whole(ratio.Wires)),
        new("devices", ratio => Whole(ratio.Devices)),
        new("batch", ratio => Whole(ratio.Batch)),
        new("size (B)", ratio => Whole(ratio.Bytes)),
    ];

    public static void Print(BenchmarkResult result, TextWriter writer)
    {
        if (result.Rows.Count == 0)
        {
            return;
        }
        Write(result.Rows, _rowColumns, writer);
        foreach (var peer in result.Ratios.GroupBy(ratio => ratio.Peer))
        {
            var own = peer.First().System;
            Column<Ratio>[] columns =
            [
                .. _ratioKeys,
                new($"{own} µs", ratio => Time(ratio.MedianUs)),
                new($"{peer.Key} µs", ratio => Time(ratio.PeerMedianUs)),
                new("time ratio", ratio => Quotient(ratio.MedianRatio)),
                new("CPU ratio", ratio => Quotient(ratio.CpuRatio)),
            ];
            writer.WriteLine();
            writer.WriteLine($"{own} / {peer.Key}, medians (below 1: {own} needs less)");
            writer.WriteLine();
            Write([.. peer], columns, writer);
        }
    }

    // A column in which no line has anything is left out.
    private static void Write<T>(IReadOnlyList<T> lines, IEnumerable<Column<T>> columns, TextWriter writer)
    {
        var table = new Table().MarkdownBorder();
        var shown = columns.Where(column => lines.Any(line => column.Text(line) is not null)).ToList();
        foreach (var column in shown)
        {
            table.AddColumn(column.Header, cell => (column.IsText ? cell.LeftAligned() : cell.RightAligned()).NoWrap());
        }
        foreach (var line in lines)
        {
            table.AddRow([.. shown.Select(column => column.Text(line) ?? "")]);
        }
        Write(table, writer);
    }

    private static void Write(Table table, TextWriter writer)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
                Out = new AnsiConsoleOutput(text),
            }
        );
        console.Profile.Width = 1000; // never wrapped
        console.Write(table);
        foreach (var line in text.ToString().Split('\n').Where(line => !string.IsNullOrWhiteSpace(line)))
        {
            writer.WriteLine(line.TrimEnd());
        }
    }

    private static string? Whole(long? value) => value?.ToString(CultureInfo.InvariantCulture);

    private static string Time(double value) => value.ToString("F1", CultureInfo.InvariantCulture);

    private static string Quotient(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private sealed record Column<T>(string Header, Func<T, string?> Text, bool IsText = false);
}
