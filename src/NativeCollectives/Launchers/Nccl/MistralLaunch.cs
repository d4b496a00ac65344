using System.Net;
using System.Text.Json;

namespace NativeCollectives;

/// <summary>
/// mistral.rs: processes on a head and on workers, each of which has equally many; or processes that a head has
/// started, to which it hands the id.
/// </summary>
internal sealed class MistralLaunch : NcclLaunch
{
    private const string Disabled = "MISTRALRS_NO_NCCL";
    private const string Handed = "__MISTRALRS_DAEMON_INTERNAL";
    private const string GlobalSize = "MISTRALRS_MN_GLOBAL_WORLD_SIZE";
    private const string LocalSize = "MISTRALRS_MN_LOCAL_WORLD_SIZE";
    private const string HeadWorkers = "MISTRALRS_MN_HEAD_NUM_WORKERS";
    private const string HeadPort = "MISTRALRS_MN_HEAD_PORT";
    private const string WorkerServer = "MISTRALRS_MN_WORKER_SERVER_ADDR";
    private const string WorkerId = "MISTRALRS_MN_WORKER_ID";

    /// <summary>All variables that tell a process of a group of NCCL's.</summary>
    internal static readonly string[] Variables =
    [
        Handed,
        GlobalSize,
        LocalSize,
        HeadWorkers,
        HeadPort,
        WorkerServer,
        WorkerId,
    ];

    private readonly bool _isHanded;
    private readonly bool _isHead;
    private readonly bool _isWorker;
    private readonly int? _localSize;

    internal MistralLaunch(NcclOptions options, LaunchEnvironment environment)
        : base(options, environment)
    {
        _isHanded = environment.IsPresent(Handed);
        if (environment.Text(Disabled) == "1")
        {
            NoteMissing($"{Disabled} other than 1");
            return;
        }

        _isHead = environment.IsPresent(HeadWorkers) || environment.IsPresent(HeadPort);
        _isWorker = environment.IsPresent(WorkerServer) || environment.IsPresent(WorkerId);
        NeedSize();
        if (_isHead)
        {
            Need(HeadWorkers);
            Need(HeadPort);
        }

        if (_isWorker)
        {
            Need(WorkerServer);
            Need(WorkerId);
        }

        if (!_isHead && !_isWorker && !_isHanded)
        {
            NoteMissing($"{HeadWorkers} or {WorkerServer}");
        }

        if (IsMeant)
        {
            _localSize = environment.Size(LocalSize, NcclConfiguration.Name);
            NeedLocalRank();
        }
    }

    // Half of a head or of a worker means it too.
    internal override bool IsMeant => _isHanded || _isHead || _isWorker || Environment.IsPresent(GlobalSize);

    internal override NcclPlace ReadPlace()
    {
        if (_isHead && _isWorker)
        {
            string head = Environment.IsPresent(HeadWorkers) ? HeadWorkers : HeadPort;
            string worker = Environment.IsPresent(WorkerServer) ? WorkerServer : WorkerId;
            throw Contradiction(
                $"The environment variables {head} and {worker} are both set, but a process is on the head or on a "
                    + "worker."
            );
        }

        (int size, string? sizeVariable) = ReadSize();
        int local = _localSize ?? (_isHanded && !_isHead && !_isWorker ? size : 1);
        if (size < local || size % local != 0)
        {
            throw Contradiction(
                $"The environment variable {LocalSize} is {local}, but should divide the number of all ranks, which is "
                    + $"{size}."
            );
        }

        int workers = (size / local) - 1;
        if (
            _isHead
            && Environment.Number(
                HeadWorkers,
                0,
                int.MaxValue,
                "a number of workers, of digits only",
                NcclConfiguration.Name
            )
                is { } given
            && given != workers
        )
        {
            throw Contradiction(
                $"The environment variable {HeadWorkers} is {given}, but {size} ranks, {local} on the head and on each "
                    + $"worker, make {workers} workers."
            );
        }

        int localRank = ReadLocalRank()!.Value;
        if (localRank >= local)
        {
            throw Contradiction($"The rank on this host is {localRank}, but there are {local} ranks on it.");
        }

        int before = 0;
        if (_isWorker)
        {
            int worker = Environment.Rank(WorkerId, NcclConfiguration.Name)!.Value;
            before =
                worker < workers
                    ? (worker + 1) * local
                    : throw Contradiction(
                        $"The environment variable {WorkerId} is {worker}, but {size} ranks, {local} on the head and "
                            + $"on each worker, make {workers} workers."
                    );
        }

        string rankVariable =
            _isHanded ? Handed
            : _isWorker ? WorkerId
            : HeadWorkers;
        return new NcclPlace(
            Options.Rank ?? (before + localRank),
            Options.Rank is null ? rankVariable : null,
            size,
            sizeVariable
        );
    }

    internal override KeyValuePair<string, string>? ReadAddress()
    {
        if (_isWorker)
        {
            string server = Environment.Text(WorkerServer)!;
            return HostAndPort.Parse(server) is { } address && IPAddress.TryParse(address.Host, out _)
                ? Rendezvous(address.Host, address.Port)
                : throw Malformed(
                    WorkerServer,
                    server,
                    "the head's IP address and port: ip:port, or [ip]:port with an IPv6 address"
                );
        }

        return _isHanded
            ? new("id", ReadHanded().Id.ToString())
            : Rendezvous("127.0.0.1", Environment.Port(HeadPort, NcclConfiguration.Name)!.Value);
    }

    /// <summary>
    /// A process that the head, whose rank is 0, has started counts from 1; of several that were started otherwise,
    /// their launcher tells.
    /// </summary>
    internal override int? ReadLocalRank() =>
        _isHanded ? ReadHanded().WorkerRank + 1
        : _localSize > 1 ? base.ReadLocalRank()
        : 0;

    private void NeedSize()
    {
        if (Options.Size is not null)
        {
            NoteGiven(NcclConfiguration.Size);
        }
        else
        {
            Need(
                _isHanded && !Environment.IsPresent(GlobalSize) && Environment.IsPresent(LocalSize)
                    ? LocalSize
                    : GlobalSize
            );
        }
    }

    private void NeedLocalRank()
    {
        if (_localSize > 1 && !_isHanded && base.ReadLocalRank() is null)
        {
            NoteMissing(KnownLauncher.LocalRanks[0]);
        }
    }

    private (int Size, string? Variable) ReadSize()
    {
        if (Options.Size is { } size)
        {
            return (size, null);
        }

        string variable = Environment.IsPresent(GlobalSize) ? GlobalSize : LocalSize;
        return (Environment.Size(variable, NcclConfiguration.Name)!.Value, variable);
    }

    // {"Init":{"id":[128 numbers],"ids":null or [[128 numbers], …],"worker_rank":0}}; ids are those of one model after
    // the other, the first being id. Whoever knows the id can join the group: neither the text nor any part of it gets
    // into a message, and so into a log.
    private (NcclUniqueId Id, int WorkerRank) ReadHanded()
    {
        JsonElement init = Property(Parse(), "Init", JsonValueKind.Object);
        JsonElement id =
            init.TryGetProperty("ids", out JsonElement ids) && ids.ValueKind == JsonValueKind.Array
                ? ids.GetArrayLength() > 0
                    ? ids[0]
                    : throw MalformedHanded("\"ids\" is empty")
                : Property(init, "id", JsonValueKind.Array);
        if (id.ValueKind != JsonValueKind.Array || id.GetArrayLength() != NcclUniqueId.Size)
        {
            throw MalformedHanded($"its id is not a list of {NcclUniqueId.Size} numbers");
        }

        // They are C's char, which has a sign on some processors.
        byte[] bytes =
        [
            .. id.EnumerateArray()
                .Select(static number => unchecked((byte)Number(number, -128, 255, "a number of its id"))),
        ];
        return (
            new NcclUniqueId(bytes),
            Number(Property(init, "worker_rank", JsonValueKind.Number), 0, int.MaxValue - 1, "\"worker_rank\"")
        );

        JsonElement Parse()
        {
            try
            {
                using var json = WholeJson.Parse(Environment.Text(Handed)!);
                return json.RootElement.ValueKind == JsonValueKind.Object
                    ? json.RootElement.Clone()
                    : throw MalformedHanded("it is no object");
            }
            catch (JsonException)
            {
                // The exception quotes what it stumbled over.
                throw MalformedHanded("it is not JSON");
            }
        }
    }

    private static JsonElement Property(JsonElement parent, string name, JsonValueKind kind) =>
        parent.TryGetProperty(name, out JsonElement element) && element.ValueKind == kind
            ? element
            : throw MalformedHanded($"its \"{name}\" is missing or of another kind");

    private static int Number(JsonElement element, int least, int greatest, string what) =>
        element.ValueKind == JsonValueKind.Number
        && element.TryGetInt32(out int number)
        && number >= least
        && number <= greatest
            ? number
            : throw MalformedHanded($"{what} is out of range or no whole number");

    private static RendezvousException MalformedHanded(string what)
    {
        const string Form = """{"Init":{"id":[128 numbers],"ids":null,"worker_rank":0}}""";
        return Contradiction($"The environment variable {Handed} should be JSON of the form {Form}, but {what}.");
    }

    private static RendezvousException Contradiction(string message) =>
        new(message) { Backend = NcclConfiguration.Name };
}
