using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeCollectives.Worker;

/// <summary>What a test tells a worker to do: one line of JSON on its standard input.</summary>
public sealed record Command
{
    public int Id { get; init; }

    /// <summary>One of <see cref="CommandNames"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Commands of one thread run one after the other, those of different threads at the same time.</summary>
    public string Thread { get; init; } = "main";

    /// <summary>The name under which the worker keeps the group.</summary>
    public string Group { get; init; } = "world";

    // Create
    public string Backend { get; init; } = nameof(BackendKind.Ring);
    public int Rank { get; init; }
    public string? HostFile { get; init; }
    public string[][]? Hosts { get; init; }
    public bool FromEnvironment { get; init; }
    public double FormingSeconds { get; init; } = 60;
    public double OperationSeconds { get; init; } = 120;

    /// <summary>NCCL's options; also where CreateId and Available find the libraries.</summary>
    public NcclSettings? Nccl { get; init; }

    /// <summary>JACCL's options; also where Available finds the library.</summary>
    public JacclSettings? Jaccl { get; init; }

    /// <summary>
    /// Environment variables of the process until the end of the case, as managed code sees them; an empty value takes
    /// one away.
    /// </summary>
    public Dictionary<string, string>? Variables { get; init; }

    // Create
    /// <summary>Cancels the creation that many milliseconds after it has begun; 0: never.</summary>
    public int CancelAfterMilliseconds { get; init; }

    // Operations, Scenario
    public string Operation { get; init; } = "";

    /// <summary>Of the ring; 0: the plan is that of NCCL, or with a <see cref="Shape"/> of JACCL.</summary>
    public int Sockets { get; init; } = 1;

    /// <summary>That of JACCL's group.</summary>
    public JacclShape? Shape { get; init; }
    public ulong Seed { get; init; }

    /// <summary>Which part of NCCL's plan.</summary>
    public NcclPart Plan { get; init; }

    /// <summary>Operations whose work requests are recorded, in the folder <see cref="Operation"/>.</summary>
    public WireCase[]? Wire { get; init; }

    /// <summary>Where the operands of a loop lie.</summary>
    public CallPlace Place { get; init; }

    // Loop
    public int Count { get; init; }
    public int Iterations { get; init; } = 1;
    public int AnnounceAfter { get; init; }
    public double TimeoutSeconds { get; init; }
    public bool IsAsync { get; init; }
}

/// <summary><see cref="NcclOptions"/>, as a test writes them.</summary>
public sealed record NcclSettings
{
    public int? Rank { get; init; }
    public int? Size { get; init; }
    public int? Device { get; init; }
    public string? Id { get; init; }
    public string? Rendezvous { get; init; }

    /// <summary>A group of this process, by its name.</summary>
    public string? BootstrapGroup { get; init; }
    public string? Bootstrap { get; init; }
    public int? StagingBytes { get; init; }
    public string? Library { get; init; }
    public string? CudaLibrary { get; init; }
}

/// <summary><see cref="JacclOptions"/>, as a test writes them.</summary>
public sealed record JacclSettings
{
    public int? Rank { get; init; }

    /// <summary>The device matrix.</summary>
    public string[][][]? Devices { get; init; }
    public string? DeviceFile { get; init; }
    public string? Coordinator { get; init; }
    public bool? PreferRing { get; init; }
    public string? Frames { get; init; }
    public string? QueuePairs { get; init; }
    public int? GidIndex { get; init; }
    public bool? MlxRingAllGather { get; init; }
    public string? Library { get; init; }

    /// <summary>A new folder through whose files the ranks meet, by a delegate.</summary>
    public string? SideChannelFolder { get; init; }

    /// <summary>What the delegate does instead of its n-th exchange: "throw", "short", "never"; each with @n.</summary>
    public string? SideChannelFault { get; init; }
}

/// <summary>What a worker can be told.</summary>
public static class CommandNames
{
    public const string Create = nameof(Create);
    public const string Dispose = nameof(Dispose);
    public const string Forget = nameof(Forget);
    public const string Abort = nameof(Abort);
    public const string Operations = nameof(Operations);
    public const string Scenario = nameof(Scenario);
    public const string Loop = nameof(Loop);
    public const string Usage = nameof(Usage);

    /// <summary>Disposes of every group of the process.</summary>
    public const string DisposeAll = nameof(DisposeAll);

    /// <summary>The calls of <see cref="Command.Operation"/> that NCCL cannot do.</summary>
    public const string Refused = nameof(Refused);

    /// <summary>A new id of NCCL: "id".</summary>
    public const string CreateId = nameof(CreateId);

    /// <summary>Whether the backend named can be used: "available", "reason".</summary>
    public const string Available = nameof(Available);

    /// <summary>"faulted", "device" of the group.</summary>
    public const string State = nameof(State);

    /// <summary>
    /// New fault rules for a double of a library: <see cref="Command.Operation"/> is "nccl:…", "cuda:…" or "verbs:…".
    /// </summary>
    public const string Faults = nameof(Faults);

    /// <summary>What the doubles of the libraries count as alive, by kind.</summary>
    public const string Live = nameof(Live);

    /// <summary>What the software verbs have: "live" objects and "violations" of the rules.</summary>
    public const string Verbs = nameof(Verbs);

    /// <summary>Operations of <see cref="Command.Wire"/>, each recorded in a file of its own.</summary>
    public const string Record = nameof(Record);

    /// <summary>Device memory of <see cref="Command.Count"/> bytes, allocated and given back.</summary>
    public const string Allocate = nameof(Allocate);

    /// <summary>
    /// The end of a case: the process gives up all that the case made or set, and says what is "left" of it all the
    /// same. Only when every other command is answered.
    /// </summary>
    public const string Reset = nameof(Reset);
    public const string Exit = nameof(Exit);
}

/// <summary>
/// What a worker answers: one line of JSON on its standard output. An announcement comes before the answer to the same
/// command.
/// </summary>
public sealed record Reply
{
    public int Id { get; init; }
    public bool IsAnnouncement { get; init; }

    /// <summary>Null if the command did what it was told.</summary>
    public Failure? Failure { get; init; }

    /// <summary>Whatever the command has to say.</summary>
    public Dictionary<string, string> Data { get; init; } = [];

    /// <summary>
    /// <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/> when the command began and ended: one clock for all
    /// processes of a machine.
    /// </summary>
    public long Began { get; init; }
    public long Ended { get; init; }
}

/// <summary>An exception that ended a command.</summary>
public sealed record Failure
{
    public required string Type { get; init; }
    public required string Message { get; init; }
    public string? InnerType { get; init; }
    public string? InnerMessage { get; init; }
    public int? Rank { get; init; }
    public int? Peer { get; init; }
    public string? Operation { get; init; }
    public long? SequenceNumber { get; init; }
    public required string Text { get; init; }

    public static Failure From(Exception exception)
    {
        var collective = exception as CollectiveException;
        return new Failure
        {
            Type = exception.GetType().Name,
            Message = exception.Message,
            InnerType = exception.InnerException?.GetType().Name,
            InnerMessage = exception.InnerException?.Message,
            Rank = collective?.Rank,
            Peer = collective?.Peer,
            Operation = collective?.Operation,
            SequenceNumber = collective?.SequenceNumber,
            Text = exception.ToString(),
        };
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(Command))]
[JsonSerializable(typeof(Reply))]
public sealed partial class ProtocolContext : JsonSerializerContext;
