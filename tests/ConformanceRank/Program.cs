using System.Runtime.InteropServices;
using System.Text.Json;

namespace NativeCollectives.ConformanceRank;

/// <summary>
/// conformance-rank CASE_DIR OUT_DIR: one rank of a recorded ring (tests/vectors/mlx-ring/README.md). It joins the
/// group that MLX_HOSTFILE and MLX_RANK describe, does the operations of CASE_DIR/case.json in order and writes their
/// results to OUT_DIR. Without arguments it does one case after another: each line of its standard input is CASE_DIR,
/// OUT_DIR, a hostfile and a rank, with tabs between them, and is answered with a line, empty if all went well.
/// </summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        if (arguments.Length == 0)
        {
            while (Console.ReadLine()?.Split('\t') is { Length: 4 } next)
            {
                Console.WriteLine(Answer(next));
            }
            return 0;
        }
        if (arguments.Length != 2)
        {
            Console.Error.WriteLine(
                "usage: conformance-rank [CASE_DIR OUT_DIR] (the group comes from MLX_HOSTFILE and MLX_RANK; without "
                    + "arguments the cases come on standard input)"
            );
            return 2;
        }
        try
        {
            Run(arguments[0], arguments[1]);
            return 0;
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine($"conformance-rank: {exception}");
            return 1;
        }
    }

    private static string Answer(string[] next)
    {
        Environment.SetEnvironmentVariable("MLX_HOSTFILE", next[2]);
        Environment.SetEnvironmentVariable("MLX_RANK", next[3]);
        try
        {
            Run(next[0], next[1]);
            return "";
        }
        catch (Exception exception)
        {
            return $"conformance-rank: {exception}".ReplaceLineEndings(" ");
        }
    }

    private static void Run(string caseFolder, string outputFolder)
    {
        using var description = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(caseFolder, "case.json")));
        Directory.CreateDirectory(outputFolder);
        using var group = DistributedGroup.Create(new DistributedGroupOptions { Strict = true });
        var size = description.RootElement.GetProperty("size").GetInt32();
        if (group.Size != size)
        {
            throw new InvalidDataException($"the case is for {size} ranks, the group has {group.Size}");
        }
        foreach (var operation in description.RootElement.GetProperty("operations").EnumerateArray())
        {
            var input = operation.GetProperty("input").GetString() is { } inputName
                ? File.ReadAllBytes(Path.Combine(caseFolder, inputName))
                : [];
            var output = Do(group, operation, input);
            if (operation.GetProperty("output").GetString() is { } outputName)
            {
                File.WriteAllBytes(Path.Combine(outputFolder, outputName), output);
            }
        }
    }

    private static byte[] Do(DistributedGroup group, JsonElement operation, byte[] input) =>
        operation.GetProperty("dtype").GetString() switch
        {
            "bool" => Do<bool>(group, operation, input),
            "int8" => Do<sbyte>(group, operation, input),
            "int16" => Do<short>(group, operation, input),
            "int32" => Do<int>(group, operation, input),
            "int64" => Do<long>(group, operation, input),
            "uint8" => Do<byte>(group, operation, input),
            "uint16" => Do<ushort>(group, operation, input),
            "uint32" => Do<uint>(group, operation, input),
            "uint64" => Do<ulong>(group, operation, input),
            "float16" => Do<Half>(group, operation, input),
            "bfloat16" => Do<BFloat16>(group, operation, input),
            "float32" => Do<float>(group, operation, input),
            "float64" => Do<double>(group, operation, input),
            "complex64" => Do<Complex64>(group, operation, input),
            var other => throw new InvalidDataException($"unknown type {other}"),
        };

    private static byte[] Do<T>(DistributedGroup group, JsonElement operation, byte[] bytes)
        where T : unmanaged
    {
        var count = operation.GetProperty("count").GetInt32();
        var name = operation.GetProperty("op").GetString();
        var input = MemoryMarshal.Cast<byte, T>(bytes);
        if (name != "recv" && (input.Length != count))
        {
            throw new InvalidDataException($"{name}: the operand has {input.Length} elements, count is {count}");
        }
        var output = new T[
            name switch
            {
                "all_gather" => count * group.Size,
                "send" => 0,
                _ => count,
            }
        ];
        switch (name)
        {
            case "all_sum":
                group.AllReduce<T>(input, output, ReduceOp.Sum);
                break;
            case "all_max":
                group.AllReduce<T>(input, output, ReduceOp.Max);
                break;
            case "all_min":
                group.AllReduce<T>(input, output, ReduceOp.Min);
                break;
            case "all_gather":
                group.AllGather<T>(input, output);
                break;
            case "send":
                group.Send<T>(input, operation.GetProperty("peer").GetInt32());
                break;
            case "recv":
                group.Receive<T>(output, operation.GetProperty("peer").GetInt32());
                break;
            default:
                throw new InvalidDataException($"unknown operation {name}");
        }
        return MemoryMarshal.AsBytes(output.AsSpan()).ToArray();
    }
}
