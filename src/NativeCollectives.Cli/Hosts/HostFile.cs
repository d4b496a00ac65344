using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NativeCollectives.Cli.Hosts;

/// <summary>
/// The hostfile of MLX's launcher, in both of its forms: a list of hosts, or an object with backend, envs and hosts.
/// The rank of a host is its index.
/// </summary>
/// <param name="Hosts">The hosts, in the order of the ranks.</param>
internal sealed record HostFile(IReadOnlyList<Host> Hosts)
{
    private static readonly JsonSerializerOptions _readable = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
    private static readonly JsonSerializerOptions _compact = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The backend that the file asks for: ring, jaccl, jaccl-ring or nccl.</summary>
    public string? Backend { get; init; }

    /// <summary>Variables of every rank, each NAME=VALUE.</summary>
    public IReadOnlyList<string> Envs { get; init; } = [];

    /// <summary>Reads a file.</summary>
    /// <exception cref="ToolException">It cannot be read, or is not a hostfile.</exception>
    public static HostFile Read(string path) => Parse(ReadText(path), path);

    /// <summary>The text of a hostfile of any kind.</summary>
    /// <exception cref="ToolException">It cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return SmallFile.ReadText(path);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ToolException.Usage($"the hostfile {path} does not exist");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw ToolException.Usage($"the hostfile {path} cannot be read: {failure.Message}");
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="name">The file's name, for the errors.</param>
    /// <exception cref="ToolException">It is not a hostfile.</exception>
    public static HostFile Parse(string json, string name)
    {
        try
        {
            using var document = WholeJson.Parse(json);
            return new HostFileReader(name).Read(document.RootElement);
        }
        catch (JsonException failure)
        {
            throw ToolException.Usage($"the hostfile {name} is not JSON: {failure.Message}");
        }
    }

    /// <summary>
    /// The text of a file that <see cref="Read"/> reads: one line per host, in the object form if there is a backend or
    /// a variable.
    /// </summary>
    public string ToJson()
    {
        var hosts = Hosts.Select(host => Node(host).ToJsonString(_compact)).ToList();
        var list = hosts.Count == 0 ? "[]" : $"[\n  {string.Join(",\n  ", hosts)}\n]";
        if (Backend is null && Envs.Count == 0)
        {
            return list + "\n";
        }

        var whole = new JsonObject();
        if (Backend is not null)
        {
            whole["backend"] = Backend;
        }

        if (Envs.Count > 0)
        {
            whole["envs"] = Texts(Envs);
        }

        whole["hosts"] = new JsonArray([.. Hosts.Select(Node)]);
        return whole.ToJsonString(_readable) + "\n";
    }

    private static JsonObject Node(Host host)
    {
        var node = new JsonObject { ["ssh"] = host.Ssh, ["ips"] = Texts(host.Ips) };
        if (host.Rdma is { } row)
        {
            node["rdma"] = DeviceMatrix.ToJson(row);
        }

        if (host.Command is { } command)
        {
            node["command"] = Texts(command);
        }

        if (host.Envs.Count > 0)
        {
            node["envs"] = Texts(host.Envs);
        }

        if (host.Cwd is { } folder)
        {
            node["cwd"] = folder;
        }

        return node;
    }

    private static JsonArray Texts(IEnumerable<string> texts) =>
        new([.. texts.Select(text => (JsonNode?)JsonValue.Create(text))]);
}
