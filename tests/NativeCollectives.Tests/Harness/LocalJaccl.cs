using System.Diagnostics;
using System.Text.Json;
using NativeCollectives.Tests.Shared;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// Workers on this machine that form groups of JACCL's over the software verbs, each as if it were a machine of its
/// own.
/// </summary>
internal sealed class LocalJaccl : LocalRanks
{
    // The fabrics of workers that wait in the pool.
    private static readonly List<string> _fabrics = [];

    private readonly string _folder = Directory.CreateTempSubdirectory("nc-jaccl-").FullName;
    private readonly Dictionary<string, Ports> _coordinators = [];
    private readonly Func<int, IReadOnlyDictionary<string, string>>? _variables;
    private int _folders;

    /// <summary>Starts the workers, without a group.</summary>
    /// <param name="size">How many.</param>
    /// <param name="variables">Variables beside those of the software verbs, or instead of them.</param>
    public LocalJaccl(int size, Func<int, IReadOnlyDictionary<string, string>>? variables = null)
        : base([])
    {
        if (
            variables is not null
            && Enumerable
                .Range(0, size)
                .Any(rank =>
                    variables(rank).Keys.Any(name => name.StartsWith("NC_SOFTVERBS_", StringComparison.Ordinal))
                )
        )
        {
            SoftVerbsLibrary.Require("settings");
        }
        _variables = variables;
        Fabric = TakeFabric();
        Workers.AddRange(Enumerable.Range(0, size).Select(Start));
    }

    public override int Sockets => 0;

    /// <summary>The folder that is the fabric.</summary>
    public string Fabric { get; }

    /// <summary>An empty folder, which goes with the ranks.</summary>
    public string NewFolder(string name) =>
        Directory.CreateDirectory(Path.Combine(_folder, $"{name}{Interlocked.Increment(ref _folders)}")).FullName;

    /// <summary>A file of this text, which goes with the ranks.</summary>
    public string NewFile(string text)
    {
        var path = Path.Combine(NewFolder("file"), "matrix.json");
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Where the ranks of a group meet: a port of this machine that nobody else uses.</summary>
    public int Port(string group = "world")
    {
        if (!_coordinators.TryGetValue(group, out var ports))
        {
            _coordinators.Add(group, ports = new Ports(1));
            ports.Release();
        }
        return ports.Numbers[0];
    }

    public string Coordinator(string group = "world") => $"127.0.0.1:{Port(group)}";

    /// <summary>The command that makes a worker join a group.</summary>
    public Command Join(
        int rank,
        JacclShape shape,
        string group = "world",
        double formingSeconds = 60,
        double operationSeconds = 120
    ) =>
        new()
        {
            Name = CommandNames.Create,
            Backend = nameof(BackendKind.Jaccl),
            Group = group,
            FormingSeconds = formingSeconds,
            OperationSeconds = operationSeconds,
            Jaccl = new JacclSettings
            {
                Rank = rank,
                Devices = SoftVerbsLibrary.Matrix(shape),
                Coordinator = Coordinator(group),
                PreferRing = shape.IsRing ? true : null,
            },
        };

    /// <summary>The command by which it joins as MLX's launcher tells it: with variables and a file.</summary>
    public Command JoinByEnvironment(int rank, JacclShape shape, string prefix = "MLX", string group = "world") =>
        new()
        {
            Name = CommandNames.Create,
            Backend = nameof(BackendKind.Jaccl),
            Group = group,
            Variables = new()
            {
                [$"{prefix}_RANK"] = $"{rank}",
                [$"{prefix}_IBV_DEVICES"] = NewFile(Json(SoftVerbsLibrary.Matrix(shape))),
                [prefix == "MLX" ? "MLX_JACCL_COORDINATOR" : "JACCL_COORDINATOR"] = Coordinator(group),
                // Presence alone counts.
                [prefix == "MLX" ? "MLX_JACCL_RING" : "JACCL_RING"] = shape.IsRing ? "0" : "",
            },
        };

    /// <summary>Forms a group of all workers.</summary>
    /// <param name="shape">How they are connected.</param>
    /// <param name="group">Its name.</param>
    /// <param name="operationSeconds">How long its operations may take.</param>
    /// <param name="change">What is unusual in it.</param>
    public void Form(
        JacclShape shape,
        string group = "world",
        double operationSeconds = 120,
        Func<JacclSettings, JacclSettings>? change = null
    ) =>
        Succeed(
            All(rank =>
            {
                var join = Join(rank, shape, group, operationSeconds: operationSeconds);
                return join with { Jaccl = change?.Invoke(join.Jaccl!) ?? join.Jaccl };
            })
        );

    /// <summary>All ranks play a scenario.</summary>
    public List<Reply> Play(JacclShape shape, string scenario, string group = "world", ulong seed = 1) =>
        Do(Play(scenario, 0, group, seed) with { Shape = shape });

    /// <summary>New fault rules for the software verbs, on one rank or on all.</summary>
    public void Fault(string rules, int? rank = null)
    {
        if (rules.Length == 0 && SoftVerbsLibrary.IsReal)
        {
            return;
        }
        SoftVerbsLibrary.Require("faults on demand");
        var command = new Command
        {
            Name = CommandNames.Faults,
            Operation = $"verbs:{rules}",
            Thread = "faults",
        };
        Succeed(rank is { } one ? [Workers[one].Send(command)] : All(_ => command));
    }

    /// <summary>That no object of the verbs is alive in any worker, and that none has broken their rules.</summary>
    /// <param name="patience">
    /// How long it may take until what nobody refers to any more is finalised; null: there is nothing of that kind.
    /// </param>
    public void NothingIsLeft(TimeSpan? patience = null)
    {
        if (SoftVerbsLibrary.IsReal)
        {
            return;
        }
        var clock = Stopwatch.StartNew();
        foreach (var worker in Workers)
        {
            var reply = worker.Do(new Command { Name = CommandNames.Verbs });
            while (reply.Failure is null && reply.Data["live"] != "0" && clock.Elapsed < patience)
            {
                worker.Do(new Command { Name = CommandNames.Forget, Group = "" });
                reply = worker.Do(new Command { Name = CommandNames.Verbs });
            }
            Assert.That(reply.Failure, Is.Null, reply.Failure?.Text);
            Assert.That(
                (reply.Data["live"], reply.Data["violations"]),
                Is.EqualTo(("0", "")),
                $"live verbs objects, and violations, of process {worker.Id}"
            );
        }
    }

    /// <summary>A new process in the place of one that was killed, or has ended.</summary>
    public void Replace(int rank)
    {
        Workers[rank].Dispose();
        Workers[rank] = Start(rank);
    }

    /// <summary>A device matrix as MLX's launcher writes it: null, a name, or a list of names.</summary>
    public static string Json(string[][][] matrix) =>
        JsonSerializer.Serialize(
            matrix.Select(row =>
                row.Select<string[], object?>(names =>
                    names.Length switch
                    {
                        0 => null,
                        1 => names[0],
                        _ => names,
                    }
                )
            )
        );

    public override void Dispose()
    {
        var workers = Workers.ToList();
        Workers.Clear();
        var stay = false;
        try
        {
            stay = WorkerPool.Return(workers, together: true);
        }
        finally
        {
            if (stay && _variables is null)
            {
                lock (_fabrics)
                {
                    _fabrics.Add(Fabric);
                }
            }
            else
            {
                Directory.Delete(Fabric, recursive: true);
            }
            foreach (var ports in _coordinators.Values)
            {
                ports.Dispose();
            }
            Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>Deletes the fabrics of the workers that the pool has ended.</summary>
    public static void DeleteFabrics()
    {
        lock (_fabrics)
        {
            _fabrics.ForEach(fabric => Directory.Delete(fabric, recursive: true));
            _fabrics.Clear();
        }
    }

    // The fabric goes with its workers: who takes one finds them in the pool.
    private static string TakeFabric()
    {
        lock (_fabrics)
        {
            if (_fabrics.Count > 0)
            {
                var last = _fabrics[^1];
                _fabrics.RemoveAt(_fabrics.Count - 1);
                return last;
            }
        }
        return Directory.CreateTempSubdirectory("nc-fabric-").FullName;
    }

    // Special variables are for one case: so are the processes.
    private WorkerProcess Start(int rank) =>
        _variables is null ? WorkerPool.Take(Variables(rank)) : new WorkerProcess(Variables(rank));

    private Dictionary<string, string> Variables(int rank)
    {
        var variables = SoftVerbsLibrary.Variables(rank, Fabric);
        foreach (var (name, value) in _variables?.Invoke(rank) ?? new Dictionary<string, string>())
        {
            variables[name] = value;
        }
        return variables;
    }
}
