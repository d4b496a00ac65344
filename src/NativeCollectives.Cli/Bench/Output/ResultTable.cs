using System.Globalization;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// Prints rows as they come, in the columns of nccl-tests: one line per size, with the out-of-place and the in-place
/// measurement beside each other. Lines that begin with <c>#</c> tell about the run.
/// </summary>
/// <param name="writer">Where to.</param>
internal sealed class ResultTable(TextWriter writer)
{
    private const string Half = "{0,10} {1,10} {2,10} {3,8} {4,8} {5,7}";
    private const string Key = "{0,12} {1,12} {2,10} {3,6} {4,5}  ";

    private string? _section;

    /// <summary>A line about the run.</summary>
    public void Comment(string text) => Write("# " + text);

    /// <summary>One line of the table.</summary>
    /// <param name="outOfPlace">The measurement with separate buffers; <see langword="null"/>: none was made.</param>
    /// <param name="inPlace">The other one.</param>
    /// <param name="section">What the measurements of this part of the table have in common.</param>
    public void Add(Row? outOfPlace, Row? inPlace, string section)
    {
        Row row = outOfPlace ?? inPlace ?? throw new ArgumentNullException(nameof(outOfPlace));
        if (section != _section)
        {
            _section = section;
            WriteHeader();
        }

        Write(
            Text(Key, row.Bytes, row.Count, row.Dtype, row.Redop ?? "none", row.Root ?? -1)
                + HalfOf(outOfPlace)
                + "  "
                + HalfOf(inPlace)
        );
    }

    /// <summary>What is to be said at the end.</summary>
    public void Summary(BenchResult result)
    {
        writer.WriteLine("#");
        if (result.Rows.Count > 0)
        {
            Comment(Text("Average bus bandwidth: {0:F3} GB/s", result.AverageBusbwGbps));
            Comment(
                result.Errors == 0
                    ? "Every result was right."
                    : Text("WRONG: {0} elements of results were not what they must be.", result.Errors)
            );
        }

        if (!result.Complete)
        {
            Comment("Not everything was measured.");
        }
    }

    private void WriteHeader()
    {
        string half = Text(Half, "min", "median", "p99", "algbw", "busbw", "#wrong");
        string units = Text(Half, "(us)", "(us)", "(us)", "(GB/s)", "(GB/s)", "");
        string blank = Text(Key, "", "", "", "", "");
        writer.WriteLine("#");
        Comment(_section!);
        writer.WriteLine("#");
        Write(Commented(blank + Centered("out-of-place", half.Length) + "  " + Centered("in-place", half.Length)));
        Write(Commented(Text(Key, "size", "count", "type", "redop", "root") + half + "  " + half));
        Write(Commented(Text(Key, "(B)", "(elements)", "", "", "") + units + "  " + units));
    }

    private void Write(string line)
    {
        writer.WriteLine(line.TrimEnd());
        writer.Flush();
    }

    private static string HalfOf(Row? row) =>
        row is null
            ? Text(Half, "-", "-", "-", "-", "-", "-")
            : Text(
                Half,
                Time(row.MinUs),
                Time(row.MedianUs),
                Time(row.P99Us),
                Bandwidth(row.AlgbwGbps),
                Bandwidth(row.BusbwGbps),
                row.Errors
            );

    // The first column is always wide enough.
    private static string Commented(string line) => "#" + line[1..];

    private static string Centered(string text, int width) => text.PadLeft((width + text.Length) / 2).PadRight(width);

    private static string Time(double microseconds) => microseconds.ToString("F2", CultureInfo.InvariantCulture);

    private static string Bandwidth(double gigabytesPerSecond) =>
        gigabytesPerSecond.ToString(gigabytesPerSecond < 100 ? "F3" : "F1", CultureInfo.InvariantCulture);

    private static string Text(string format, params object[] values) =>
        string.Format(CultureInfo.InvariantCulture, format, values);
}
