using System.Text;
using Microsoft.CodeAnalysis;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests;

/// <summary>Every line of the tables in docs/names.md compiles against what was built.</summary>
[Category("Unit")]
[CancelAfter(120_000)]
internal sealed class NamesTests
{
    private const string Before = """
        using System.Numerics.Tensors;

        using var group = DistributedGroup.Create();
        float value = 1;
        float[] x = [1], y = [1], all = [1], parts = [1];
        long[] counts = [1];
        int[] bits = [1];
        string text = "";
        string[] texts = [""];
        Tensor<float> a = Tensor.Create(x);
        DeviceSpan<float> deviceIn = default, deviceOut = default;
        nint stream = 0;
        TimeSpan timeout = TimeSpan.FromSeconds(1);
        Task work = Task.CompletedTask;

        """;

    private static readonly (int Line, string Code)[] _rows = [.. Rows()];

    [Test]
    public void ThereIsATableForEachOfThem()
    {
        string[] headings = [.. Page().Where(static line => line.StartsWith("## ")).Select(static line => line[3..])];
        Assert.That(headings, Is.EqualTo(new[] { "torch.distributed", "MPI", "NCCL", "MLX" }));
        Assert.That(_rows, Has.Length.GreaterThan(80));
    }

    [Test]
    public void EveryLineCompiles()
    {
        Diagnostic[] errors = DocumentationTests.Errors(Program(_rows.Select(static row => row.Code)), "");
        Assert.That(errors, Is.Empty, string.Join('\n', errors.Select(Describe)));
    }

    /// <summary>The test itself: it sees what is wrong.</summary>
    [Test]
    public void ALineThatDoesNotCompileIsFound() =>
        Assert.That(
            DocumentationTests.Errors(Program(["group.AllReduce(x)", "group.AllReduce(text)"]), ""),
            Has.Length.EqualTo(1)
        );

    private static string Describe(Diagnostic error)
    {
        int row = error.Location.GetLineSpan().StartLinePosition.Line - Before.AsSpan().Count('\n');
        return row < 0 || row >= _rows.Length
            ? error.ToString()
            : $"line {_rows[row].Line}, {_rows[row].Code}: {error.GetMessage()}";
    }

    // One line for each row, in a function of its own.
    private static string Program(IEnumerable<string> rows)
    {
        var program = new StringBuilder(Before);
        int number = 0;
        foreach (string row in rows)
        {
            string statement = row.EndsWith(')') ? row : $"_ = {row}";
            program.Append($"void Row{number}() {{ {statement}; }}\n");
            number++;
        }

        for (int i = 0; i < number; i++)
        {
            program.Append($"Row{i}();\n");
        }

        return program.ToString();
    }

    private static string[] Page() => File.ReadAllLines(Path.Combine(NcclLibraries.RepositoryRoot, "docs", "names.md"));

    private static IEnumerable<(int Line, string Code)> Rows()
    {
        string[] lines = Page();
        for (int i = 0; i < lines.Length; i++)
        {
            string last = lines[i].TrimEnd('|', ' ').Split(" | ")[^1];
            if (lines[i].StartsWith('|') && last.StartsWith('`') && last.EndsWith('`'))
            {
                yield return (i + 1, last.Trim('`'));
            }
        }
    }
}
