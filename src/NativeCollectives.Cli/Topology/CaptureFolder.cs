namespace NativeCollectives.Cli.Topology;

/// <summary>
/// A folder with what hosts' commands printed: for each host HOST.system_profiler.json, HOST.networksetup.txt,
/// HOST.ibv_devices.txt and HOST.ipconfig.txt.
/// </summary>
internal sealed class CaptureFolder(string path) : ICaptureSource
{
    private const string SystemProfiler = ".system_profiler.json";
    private const string NetworkSetup = ".networksetup.txt";
    private const string IbvDevices = ".ibv_devices.txt";
    private const string IpConfig = ".ipconfig.txt";

    /// <summary>The hosts that have a file there, by name.</summary>
    /// <exception cref="ToolException">The folder does not exist, or has no such file.</exception>
    public IReadOnlyList<string> Hosts()
    {
        if (!Directory.Exists(path))
        {
            throw ToolException.Usage($"the folder {path} does not exist");
        }

        string[] suffixes = [SystemProfiler, NetworkSetup, IbvDevices, IpConfig];
        List<string> hosts =
        [
            .. from file in Directory.EnumerateFiles(path).Select(file => Path.GetFileName(file))
            from suffix in suffixes
            where file.EndsWith(suffix, StringComparison.Ordinal) && file.Length > suffix.Length
            select file[..^suffix.Length],
        ];
        return hosts.Count > 0
            ? [.. hosts.Distinct().Order(StringComparer.Ordinal)]
            : throw ToolException.Usage($"the folder {path} has no file HOST{SystemProfiler}");
    }

    /// <summary>A host of which nothing was captured was not reached.</summary>
    public Task<string?> UnreachableAsync(string host, CancellationToken cancellationToken) =>
        Task.FromResult(Hosts().Contains(host) ? null : $"the folder {path} has no file {host}{SystemProfiler}");

    public async Task<Capture> CaptureAsync(string host, bool thunderbolt, CancellationToken cancellationToken)
    {
        return new Capture(host)
        {
            SystemProfiler = thunderbolt ? await ReadAsync(SystemProfiler, isRequired: true) : "",
            NetworkSetup = thunderbolt ? await ReadAsync(NetworkSetup, isRequired: true) : "",
            IbvDevices = await ReadAsync(IbvDevices, isRequired: false),
            IpConfig = await ReadAsync(IpConfig, isRequired: false),
        };

        async Task<string> ReadAsync(string suffix, bool isRequired)
        {
            var file = Path.Combine(path, host + suffix);
            if (!isRequired && !File.Exists(file))
            {
                return "";
            }

            try
            {
                return await File.ReadAllTextAsync(file, cancellationToken);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw ToolException.Usage($"the file {file} cannot be read: {failure.Message}");
            }
        }
    }

    /// <summary>Writes what a host printed, so that it can be read again.</summary>
    /// <exception cref="ToolException">The files cannot be written.</exception>
    public async Task SaveAsync(Capture capture, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(path);
            await WriteAsync(SystemProfiler, capture.SystemProfiler);
            await WriteAsync(NetworkSetup, capture.NetworkSetup);
            await WriteAsync(IbvDevices, capture.IbvDevices);
            await WriteAsync(IpConfig, capture.IpConfig);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(
                $"what host {capture.Host} printed cannot be written to {path}: {failure.Message}",
                ExitCodes.Failed,
                failure
            );
        }

        Task WriteAsync(string suffix, string text) =>
            File.WriteAllTextAsync(Path.Combine(path, capture.Host + suffix), text, cancellationToken);
    }
}
