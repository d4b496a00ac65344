using System.CommandLine;
using System.Globalization;

namespace NativeCollectives.Cli.Bench;

/// <summary>The options of <c>collectives bench</c>, and what a command line says by them.</summary>
internal sealed class BenchCommandOptions
{
    private const string AllOfThem = "all";
    private const long DefaultMinBytes = 8;
    private const long DefaultMaxBytes = 32L << 20;
    private const long DefaultFactor = 4;
    private const long MostBytes = 1L << 40;

    private readonly Option<string?> _backend = new("--backend")
    {
        Description =
            "What moves the data: ring (TCP), jaccl (RDMA), nccl (GPUs), or any: nccl if there is a GPU for it, or "
            + "else ring; in a launched group, "
            + "that which it is configured for. [default: any]",
        HelpName = "backend",
    };

    private readonly Option<string[]> _operations = List(
        "--op",
        "operation",
        "What is measured: all, or one or several of "
            + $"{string.Join(", ", BenchmarkOperation.All.Select(one => one.Name))}. "
            + "send-receive: every rank sends to the next one and receives from the one before. [default: all-reduce]"
    );

    private readonly Option<string[]> _types = List(
        "--dtype",
        "type",
        $"Element types: all, or one or several of {string.Join(", ", DataTypes.Names)}. [default: float32]"
    );

    private readonly Option<string[]> _reduceOps = List(
        "--redop",
        "operator",
        "How all-reduce, reduce-scatter and reduce combine elements: all, or one or several of "
            + $"{string.Join(", ", ReduceOps.Names)}. [default: sum]"
    );

    private readonly Option<string?> _root = Text(
        "--root",
        "rank",
        "The root of broadcast, reduce, gather and scatter. [default: 0]"
    );

    private readonly Option<string[]> _ranks = List(
        "--ranks",
        "number",
        "How many ranks to start on this machine; several numbers are measured one after the other, such as -n 2 4. "
            + "Without it the group "
            + "that a launcher started this process in is measured, if one did. [default: 2; nccl: one for each GPU]",
        "-n"
    );

    private readonly Option<string[]> _sizes = List(
        "--sizes",
        "bytes",
        "The sizes to measure, instead of a range: 8, 64K, 1M, 1G (powers of 1024), such as --sizes 4K,1M."
    );

    private readonly Option<string?> _minBytes = Text(
        "--min-bytes",
        "bytes",
        "The smallest size. A size is that of the larger of a rank's input and output, "
            + "rounded down to whole elements and blocks, one at least. [default: 8]"
    );

    private readonly Option<string?> _maxBytes = Text("--max-bytes", "bytes", "The largest size. [default: 32M]");
    private readonly Option<string?> _factor = Text(
        "--factor",
        "number",
        "Every size is so many times the one before. [default: 4]"
    );
    private readonly Option<string?> _step = Text(
        "--step",
        "bytes",
        "Every size is so many bytes more than the one before, instead of --factor."
    );

    private readonly Option<string?> _place = new("--place")
    {
        Description =
            "out: input and output are separate buffers; in: they share one; both: one after the other. [default: "
            + "both]",
        HelpName = "form",
    };

    private readonly Option<string?> _seconds = Text(
        "--seconds",
        "seconds",
        "How long each line is measured, after 0.1 s of warm-up: 5 to 100000 operations. [default: 0.2]"
    );

    private readonly Option<string?> _iterations = Text(
        "--iterations",
        "number",
        "How many operations are measured for each line, instead of --seconds."
    );

    private readonly Option<string?> _warmUp = Text(
        "--warmup",
        "number",
        "How many operations run before those that are measured. [default: for 0.1 s; with --iterations a tenth of "
            + "these]"
    );

    private readonly Option<string?> _timeout = Text(
        "--timeout",
        "seconds",
        "How long an operation, or measuring one line, may take before it has failed. [default: 300]"
    );

    private readonly Option<string[]> _connections = List(
        "--connections",
        "number",
        "ring: TCP connections between neighbours; several numbers are measured one after the other. [default: 1]",
        "--sockets"
    );

    private readonly Option<string[]> _topologies = List(
        "--topology",
        "topology",
        "jaccl: how the ranks are joined: mesh, ring, or both. [default: mesh]"
    );
    private readonly Option<string[]> _wires = List(
        "--wires",
        "number",
        "jaccl, in a ring: connections between neighbours, 1 to 4. [default: 1]"
    );

    private readonly Option<string[]> _devices = List(
        "--devices",
        "device",
        "jaccl: RDMA devices of this machine, which all ranks use: for the first wire, the second and so on."
    );

    private readonly Option<string?> _deviceFile = Text(
        "--device-file",
        "file",
        $"jaccl: the device matrix, as in {MlxVariables.DeviceFile}; one row for each rank."
    );

    private readonly Option<string?> _verbsLibrary = Text(
        "--verbs-library",
        "file",
        "jaccl: the library of RDMA verbs. [default: NC_VERBS_LIBRARY, or the system's]"
    );

    private readonly Option<string?> _ncclLibrary = Text(
        "--nccl-library",
        "file",
        "nccl: the path of libnccl.so.2. [default: NC_NCCL_LIBRARY, or it is looked for]"
    );

    private readonly Option<string?> _cudaLibrary = Text(
        "--cuda-library",
        "file",
        "nccl: the path of libcuda.so.1. [default: NC_CUDA_LIBRARY, or it is looked for]"
    );

    private readonly Option<string?> _memory = Text(
        "--memory",
        "place",
        "nccl: where the buffers are: device or host. [default: device]"
    );

    private readonly Option<string?> _json = Text(
        "--json",
        "file",
        "Where to write the result as JSON; - is the standard output, which then has nothing else."
    );

    private readonly Option<string?> _csv = Text(
        "--csv",
        "file",
        "Where to write the rows as comma-separated values; - is the standard output, which then has nothing else."
    );

    public IReadOnlyList<Option> All =>
        [
            _backend,
            _operations,
            _types,
            _reduceOps,
            _root,
            _ranks,
            _sizes,
            _minBytes,
            _maxBytes,
            _factor,
            _step,
            _place,
            _seconds,
            _iterations,
            _warmUp,
            _timeout,
            _connections,
            _topologies,
            _wires,
            _devices,
            _deviceFile,
            _verbsLibrary,
            _ncclLibrary,
            _cudaLibrary,
            _memory,
            _json,
            _csv,
        ];

    /// <exception cref="ToolException">A value is wrong, or contradicts another.</exception>
    public BenchOptions Read(ParseResult result)
    {
        Reader read = new(result);
        string? json = result.GetValue(_json);
        string? csv = result.GetValue(_csv);
        if (OutputFile.IsStandardOutput(json) && OutputFile.IsStandardOutput(csv))
        {
            throw ToolException.Usage("--json and --csv cannot both be the standard output.");
        }

        return new BenchOptions
        {
            Backend =
                read.Choice(_backend, Enum.GetValues<BackendKind>().Except([BackendKind.None]), Lower)
                ?? BackendKind.Any,
            Operations = OrElse(
                read.Choices(_operations, BenchmarkOperation.All, one => one.Name, AllOfThem),
                BenchmarkOperation.Find("all-reduce")
            ),
            Types = OrElse(
                read.Choices(_types, DataTypes.Names, name => name, AllOfThem).Select(DataTypes.Find),
                CollectiveDataType.Float32
            ),
            ReduceOps = OrElse(
                read.Choices(_reduceOps, Bench.ReduceOps.Names, name => name, AllOfThem).Select(Bench.ReduceOps.Find),
                ReduceOp.Sum
            ),
            Root = (int)(read.Number(_root, 0, int.MaxValue) ?? 0),
            Forms =
                read.Choice(
                    _place,
                    Enum.GetValues<BufferForms>(),
                    form =>
                        form switch
                        {
                            BufferForms.OutOfPlace => "out",
                            BufferForms.InPlace => "in",
                            _ => "both",
                        }
                ) ?? BufferForms.Both,
            Sizes = Sizes(read),
            Ranks = [.. read.Numbers(_ranks, 1, 64)],
            Connections = [.. read.Numbers(_connections, 1, 64)],
            Topologies = read.Choices(_topologies, Enum.GetValues<VerbsTopology>(), Lower, all: "both"),
            Wires = [.. read.Numbers(_wires, 1, 4)],
            Devices = read.Texts(_devices),
            DeviceFile = result.GetValue(_deviceFile),
            VerbsLibrary = result.GetValue(_verbsLibrary),
            NcclLibrary = result.GetValue(_ncclLibrary),
            CudaLibrary = result.GetValue(_cudaLibrary),
            Memory = read.Choice(_memory, Enum.GetValues<BufferMemory>(), Lower),
            Pace = PaceOf(read),
            Timeout = TimeSpan.FromSeconds(read.Number(_timeout, 1, 86400) ?? 300),
            Json = json,
            Csv = csv,
        };
    }

    private static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static Option<string[]> List(string name, string helpName, string description, params string[] aliases) =>
        new(name, aliases)
        {
            Description = description,
            HelpName = helpName,
            AllowMultipleArgumentsPerToken = true,
        };

    private static Option<string?> Text(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName };

    private static IReadOnlyList<T> OrElse<T>(IEnumerable<T> given, T otherwise) =>
        given.ToList() is { Count: > 0 } some ? some : [otherwise];

    private Pace PaceOf(Reader read)
    {
        double seconds = read.Seconds(_seconds, 0.001, 3600) ?? 0.2;
        int iterations = (int)(read.Number(_iterations, 1, 10_000_000) ?? 0);
        int? warmUp = (int?)read.Number(_warmUp, 0, 10_000_000);
        return iterations > 0 && read.IsGiven(_seconds)
            ? throw ToolException.Usage("--seconds and --iterations both say how long to measure: give one of them.")
            : new Pace(iterations, seconds, WarmUp: warmUp);
    }

    private IReadOnlyList<long> Sizes(Reader read)
    {
        Option<string?>[] range = [_minBytes, _maxBytes, _factor, _step];
        IReadOnlyList<string> list = read.Texts(_sizes);
        if (list.Count > 0)
        {
            return Array.Find(range, read.IsGiven) is { } other
                ? throw ToolException.Usage($"--sizes lists the sizes; {other.Name} is for a range of them.")
                : [.. list.Select(text => Reader.Bytes("--sizes", text, 1, MostBytes))];
        }

        if (read.IsGiven(_factor) && read.IsGiven(_step))
        {
            throw ToolException.Usage("--factor and --step both say which sizes come next: give one of them.");
        }

        long first =
            read.Bytes(_minBytes, 1, MostBytes)
            ?? Math.Min(DefaultMinBytes, read.Bytes(_maxBytes, 1, MostBytes) ?? DefaultMinBytes);
        long last = read.Bytes(_maxBytes, 1, MostBytes) ?? Math.Max(DefaultMaxBytes, first);
        if (first > last)
        {
            throw ToolException.Usage($"--min-bytes is {first}, more than --max-bytes, which is {last}.");
        }

        long step = read.Bytes(_step, 1, MostBytes) ?? 0;
        const int MostSizes = 10_000;
        return step > 0 && (last - first) / step >= MostSizes
            ? throw ToolException.Usage($"--step {step} makes more than {MostSizes} sizes.")
            : [.. BenchOptions.SizesOf(first, last, read.Number(_factor, 2, MostBytes) ?? DefaultFactor, step)];
    }

    /// <summary>Reads values; lists may be several arguments, or have commas, or both.</summary>
    private sealed class Reader(ParseResult result)
    {
        public bool IsGiven(Option option) => result.GetResult(option) is { Implicit: false };

        private const StringSplitOptions Tidily =
            StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

        public IReadOnlyList<string> Texts(Option<string[]> option) =>
            [.. (result.GetValue(option) ?? []).SelectMany(text => text.Split(',', Tidily)).Distinct()];

        public T? Choice<T>(Option<string?> option, IEnumerable<T> choices, Func<T, string> nameOf)
            where T : struct => result.GetValue(option) is { } text ? Choose(option.Name, text, choices, nameOf) : null;

        /// <param name="option">The option.</param>
        /// <param name="choices">What can be chosen.</param>
        /// <param name="nameOf">How the user calls it.</param>
        /// <param name="all">What the user calls all of them.</param>
        public IReadOnlyList<T> Choices<T>(
            Option<string[]> option,
            IReadOnlyList<T> choices,
            Func<T, string> nameOf,
            string all
        ) =>
            [
                .. Texts(option)
                    .SelectMany(text => text == all ? choices : [Choose(option.Name, text, choices, nameOf)])
                    .Distinct(),
            ];

        public IEnumerable<int> Numbers(Option<string[]> option, int least, int most) =>
            Texts(option).Select(text => (int)Number(option.Name, text, least, most));

        public long? Number(Option<string?> option, long least, long most) =>
            result.GetValue(option) is { } text ? Number(option.Name, text, least, most) : null;

        public long? Bytes(Option<string?> option, long least, long most) =>
            result.GetValue(option) is { } text ? Bytes(option.Name, text, least, most) : null;

        public static long Bytes(string option, string text, long least, long most) =>
            ByteSize.TryParse(text, out long bytes) && bytes >= least && bytes <= most
                ? bytes
                : throw ToolException.Usage(
                    $"{option} is '{text}', but should be a size such as 8, 64K, 1M or 1G, from {least} B to "
                        + $"{ByteSize.Format(most)}."
                );

        public double? Seconds(Option<string?> option, double least, double most) =>
            result.GetValue(option) is not { } text ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
            && seconds >= least
            && seconds <= most
                ? seconds
            : throw ToolException.Usage(
                FormattableString.Invariant(
                    $"{option.Name} is '{text}', but should be a number of seconds from {least} to {most}."
                )
            );

        private static long Number(string option, string text, long least, long most) =>
            long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            && number >= least
            && number <= most
                ? number
                : throw ToolException.Usage(
                    $"{option} is '{text}', but should be a whole number from {least} to {most}."
                );

        private static T Choose<T>(string option, string text, IEnumerable<T> choices, Func<T, string> nameOf)
        {
            foreach (T choice in choices)
            {
                if (nameOf(choice) == text)
                {
                    return choice;
                }
            }

            throw ToolException.Usage(
                $"{option} is '{text}', but should be one of {string.Join(", ", choices.Select(nameOf))}."
            );
        }
    }
}
