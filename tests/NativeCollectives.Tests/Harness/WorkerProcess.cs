using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Harness;

/// <summary>
/// A worker, a process of its own: told what to do over its standard input. When it is disposed of, it is killed, or
/// goes back to the pool from which it came.
/// </summary>
internal sealed class WorkerProcess : IDisposable
{
    /// <summary>How long a test waits for anything that should have happened long before.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<Reply>> _answers = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<Reply>> _announcements = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private static int _started;
    private int _lastCommand;
    private bool _isHarmed;

    // Variables that would tell a rank who it is, or where a library lies.
    private static readonly string[] _configuring =
    [
        "MLX_",
        "JACCL_",
        "NCCL_",
        "NC_",
        "MISTRALRS_",
        "__MISTRALRS_",
        "MASTER_",
        "TORCHELASTIC_",
        "RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "SLURM_",
        "OMPI_",
        "PMI_",
        "PMIX_",
        "RING_CONFIG",
        "CUDA_VISIBLE_DEVICES",
    ];

    /// <param name="environment">Variables beside those of the tests.</param>
    /// <param name="networkNamespace">The network namespace that it runs in; null: that of the tests.</param>
    public WorkerProcess(IReadOnlyDictionary<string, string>? environment = null, string? networkNamespace = null)
    {
        var folder = Environment.GetEnvironmentVariable("NC_TEST_WORKER_DIRECTORY") ?? AppContext.BaseDirectory;
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var info = new ProcessStartInfo(networkNamespace is null ? dotnet : "ip")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (
            var argument in networkNamespace is null
                ? Array.Empty<string>()
                : ["netns", "exec", networkNamespace, dotnet]
        )
        {
            info.ArgumentList.Add(argument);
        }
        info.ArgumentList.Add(Path.Combine(folder, "NativeCollectives.Worker.dll"));
        // Nothing of the surroundings of the tests configures a rank.
        foreach (
            var name in info
                .Environment.Keys.Where(name =>
                    _configuring.Any(start => name.StartsWith(start, StringComparison.Ordinal))
                )
                .ToList()
        )
        {
            info.Environment.Remove(name);
        }
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            info.Environment[name] = value;
        }
        // A sanitizer's runtime must be loaded before everything else.
        if (Environment.GetEnvironmentVariable("NC_TEST_WORKER_PRELOAD") is { Length: > 0 } preload)
        {
            info.Environment["LD_PRELOAD"] = preload;
            var options = Environment.GetEnvironmentVariable("NC_TEST_WORKER_SANITIZER")!.Split('=', 2);
            info.Environment[options[0]] = options[1];
        }
        _process = ChildProcesses.Start(info);
        Interlocked.Increment(ref _started);
        Id = _process.Id;
        Pump(_process.StandardOutput, OnOutput, _ended.SetResult);
        Pump(
            _process.StandardError,
            line =>
            {
                lock (_errors)
                {
                    _errors.AppendLine(line);
                }
            },
            () => { }
        );
    }

    /// <summary>How many there have been.</summary>
    public static int Started => _started;

    public int Id { get; }

    /// <summary>Whether it is the pool's: see <see cref="WorkerPool"/>.</summary>
    public bool IsPooled { get; init; }

    /// <summary>The variables with which the pool has started it.</summary>
    public string Key { get; init; } = "";

    /// <summary>
    /// Whether it can take another case: it runs, has answered everything, and nobody has killed, stopped or ended it.
    /// </summary>
    public bool CanGoOn =>
        !_isHarmed && !_ended.Task.IsCompleted && _answers.Values.All(answer => answer.Task.IsCompletedSuccessfully);

    /// <summary>What the process wrote on its standard error stream.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Sends a command; the task ends with its answer, or fails if the process ends before.</summary>
    public Call Send(Command command)
    {
        var id = Interlocked.Increment(ref _lastCommand);
        var answer = _answers[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var announcement = _announcements[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _isHarmed |= command.Name == CommandNames.Exit;
        var line = JsonSerializer.Serialize(command with { Id = id }, ProtocolContext.Default.Command);
        try
        {
            lock (_process)
            {
                _process.StandardInput.WriteLine(line);
                _process.StandardInput.Flush();
            }
        }
        catch (IOException exception)
        {
            answer.TrySetException(exception);
            announcement.TrySetException(exception);
        }
        if (_ended.Task.IsCompleted)
        {
            Drop();
        }
        return new Call(this, $"{command.Name} {command.Operation}".Trim(), answer.Task, announcement.Task);
    }

    /// <summary>Sends a command and waits for its answer.</summary>
    public Reply Do(Command command) => Send(command).Answer();

    /// <summary>SIGKILL, at once. Returns the time just before it.</summary>
    public long Kill()
    {
        _isHarmed = true;
        var moment = Stopwatch.GetTimestamp();
        _process.Kill();
        return moment;
    }

    public void Stop()
    {
        _isHarmed = true;
        Signals.Stop(Id);
    }

    public void Continue() => Signals.Continue(Id);

    /// <summary>Whether the process ends by itself within this time.</summary>
    public bool WaitForExit(TimeSpan time) => _process.WaitForExit(time);

    public int ExitCode => _process.ExitCode;

    public void Dispose()
    {
        if (IsPooled)
        {
            WorkerPool.Return([this]);
        }
        else
        {
            End();
        }
    }

    /// <summary>SIGKILL, and no more of it.</summary>
    public void End()
    {
        _isHarmed = true;
        ChildProcesses.End(_process);
    }

    private void OnOutput(string line)
    {
        var reply = JsonSerializer.Deserialize(line, ProtocolContext.Default.Reply)!;
        (reply.IsAnnouncement ? _announcements[reply.Id] : _answers[reply.Id]).TrySetResult(reply);
        if (!reply.IsAnnouncement)
        {
            _announcements[reply.Id].TrySetResult(reply);
        }
    }

    private void Pump(StreamReader reader, Action<string> line, Action end) =>
        new Thread(() =>
        {
            try
            {
                while (reader.ReadLine() is { } next)
                {
                    line(next);
                }
            }
            catch (Exception exception) when (exception is IOException or ObjectDisposedException)
            {
                // The process was killed in the middle of a line.
            }
            catch (JsonException exception)
            {
                lock (_errors)
                {
                    _errors.AppendLine($"unreadable answer: {exception.Message}");
                }
            }
            end();
            if (_ended.Task.IsCompleted)
            {
                Drop();
            }
        })
        {
            IsBackground = true,
            Name = $"output of {Id}",
        }.Start();

    // Nobody will answer any more.
    private void Drop()
    {
        foreach (var pending in _answers.Values.Concat(_announcements.Values))
        {
            pending.TrySetException(new IOException($"worker {Id} has ended. It wrote: {Errors}"));
        }
    }

    /// <summary>A command under way.</summary>
    internal sealed class Call(WorkerProcess worker, string name, Task<Reply> answer, Task<Reply> announcement)
    {
        private readonly Task<Reply> _answer = answer;

        public bool IsAnswered => _answer.IsCompleted;

        /// <summary>The answer; a test fails if it does not come.</summary>
        public Reply Answer(TimeSpan? patience = null) => Wait(_answer, "answer", patience ?? Patience);

        /// <summary>Waits until all are answered, or one with a failure.</summary>
        public static void AwaitAllOrFailure(IEnumerable<Call> calls)
        {
            var pending = calls.Select(call => call._answer).ToList();
            using var limit = new CancellationTokenSource(Patience);
            while (pending.Count > 0 && !limit.IsCancellationRequested)
            {
                var next = Task.WhenAny(pending)
                    .WaitAsync(limit.Token)
                    .ContinueWith(first => first.IsCompletedSuccessfully ? first.Result : null, TaskScheduler.Default)
                    .Result;
                if (next is null || next.IsFaulted || next.Result.Failure is not null)
                {
                    return;
                }
                pending.Remove(next);
            }
        }

        /// <summary>Waits until the worker has come to the point that it announces.</summary>
        public void Announced() => Wait(announcement, "announcement", Patience);

        private Reply Wait(Task<Reply> task, string what, TimeSpan patience)
        {
            if (!((IAsyncResult)task).AsyncWaitHandle.WaitOne(patience))
            {
                throw new TimeoutException(
                    $"no {what} from worker {worker.Id} to {name} after {patience}. It wrote: {worker.Errors}"
                );
            }
            return task.GetAwaiter().GetResult();
        }
    }
}
