using System.Globalization;
using System.Reflection;

namespace NativeCollectives.Cli.Bench;

/// <summary>Rows as comma-separated values, with the names of the JSON as header.</summary>
internal static class ResultCsv
{
    private static readonly PropertyInfo[] _columns = typeof(Row).GetProperties(
        BindingFlags.Public | BindingFlags.Instance
    );

    public static string Of(IEnumerable<Row> rows) =>
        string.Concat(
            rows.Select(row => Line(_columns.Select(column => Text(column.GetValue(row)))))
                .Prepend(Line(_columns.Select(column => ResultJson.NameOf(column.Name))))
        );

    // No value holds a comma or a quotation mark: names, numbers, truth values.
    private static string Line(IEnumerable<string> fields) => string.Join(',', fields) + "\n";

    private static string Text(object? value) =>
        value switch
        {
            null => "",
            bool truth => truth ? "true" : "false",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
        };
}
