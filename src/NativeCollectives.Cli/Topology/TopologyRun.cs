using NativeCollectives.Cli.Hosts;

namespace NativeCollectives.Cli.Topology;

/// <summary>What the command line asks for.</summary>
internal sealed record TopologyOptions
{
    public string? Hosts { get; init; }
    public string? HostFile { get; init; }

    /// <summary>The folder with captured text instead of the hosts.</summary>
    public string? From { get; init; }

    /// <summary>The folder to which what the hosts print is written.</summary>
    public string? Save { get; init; }

    public bool IgnoreUnreachable { get; init; }

    /// <summary>Whether the hosts talk over Ethernet instead of Thunderbolt.</summary>
    public bool OverEthernet { get; init; }

    public string? Backend { get; init; }
    public IReadOnlyList<string> Envs { get; init; } = [];
    public string? Output { get; init; }
    public bool AutoSetup { get; init; }
    public bool Dot { get; init; }
    public bool Verbose { get; init; }
}

/// <summary>One run of <c>collectives topology</c>: asks the hosts, plans, sets up, writes.</summary>
/// <param name="options">What is asked for.</param>
/// <param name="shell">Reaches the hosts.</param>
/// <param name="output">The standard output: results.</param>
/// <param name="log">The standard error stream: everything else.</param>
internal sealed class TopologyRun(TopologyOptions options, IRemoteShell shell, TextWriter output, TextWriter log)
{
    private readonly ICaptureSource _source = options.From is { } folder
        ? new CaptureFolder(folder)
        : new ShellCaptures(shell);

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> hosts = await ReachableAsync(HostNames(), cancellationToken);
        IReadOnlyList<Capture> captures = await CaptureAsync(hosts, cancellationToken);
        if (options.OverEthernet)
        {
            await WriteHostFileAsync(Ethernet(captures), cancellationToken);
            return ExitCodes.Success;
        }

        List<Mac> macs = [.. captures.Select(Mac.Of)];
        var connectivity = Connectivity.Of(macs);
        await InformAsync($"{connectivity.Cables.Count} cables between {connectivity.Size} hosts");
        if (options.Dot)
        {
            await output.WriteAsync(DotGraph.Of(connectivity));
            return ExitCodes.Success;
        }

        var addresses = AddressPlan.Of(connectivity.Cables, macs.Select(mac => mac.Address).OfType<string>());
        var plan = TopologyPlan.Make(macs, connectivity, addresses, options.Backend);
        await log.WriteLineAsync($"collectives: {plan.HostFile.Backend}: {plan.Summary}");
        await SetUpAsync(
            [.. macs.Select((mac, host) => (mac.Name, SetupCommands.For(host, mac, connectivity, addresses)))],
            cancellationToken
        );
        await WriteHostFileAsync(plan.HostFile, cancellationToken);
        return ExitCodes.Success;
    }

    private IReadOnlyList<string> HostNames()
    {
        IReadOnlyList<string> hosts = options switch
        {
            { HostFile: { } file } => [.. HostFile.Read(file).Hosts.Select(host => host.Ssh)],
            { Hosts: { } list } => list.Split(',', StringSplitOptions.TrimEntries),
            { From: { } folder } => new CaptureFolder(folder).Hosts(),
            _ => ["127.0.0.1"],
        };
        foreach (var host in hosts)
        {
            // A name is part of a command line, and of the name of a file.
            if (
                host.Length == 0
                || host.StartsWith('-')
                || host.Any(letter => char.IsWhiteSpace(letter) || letter == '/')
            )
            {
                throw ToolException.Usage($"\"{host}\" is not the name of a host");
            }
        }

        return hosts.GroupBy(host => host).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw ToolException.Usage($"the host {twice.Key} is named twice")
            : hosts;
    }

    private async Task<IReadOnlyList<string>> ReachableAsync(
        IReadOnlyList<string> hosts,
        CancellationToken cancellationToken
    )
    {
        var probes = await Task.WhenAll(
            hosts.Select(async host => (Host: host, Reason: await _source.UnreachableAsync(host, cancellationToken)))
        );
        var unreachable = probes.Where(probe => probe.Reason is not null).ToList();
        if (unreachable.Count == 0)
        {
            return hosts;
        }

        var sentence = string.Join(
            "; ",
            unreachable.Select(probe => $"host {probe.Host} cannot be reached: {probe.Reason}")
        );
        if (!options.IgnoreUnreachable || unreachable.Count == hosts.Count)
        {
            throw new ToolException(sentence, ExitCodes.Unhealthy);
        }

        await log.WriteLineAsync($"collectives: warning: {sentence}; going on without");
        return [.. probes.Where(probe => probe.Reason is null).Select(probe => probe.Host)];
    }

    private async Task<IReadOnlyList<Capture>> CaptureAsync(
        IReadOnlyList<string> hosts,
        CancellationToken cancellationToken
    )
    {
        await InformAsync($"asking {string.Join(", ", hosts)}");
        Capture[] captures = await Task.WhenAll(
            hosts.Select(host => _source.CaptureAsync(host, !options.OverEthernet, cancellationToken))
        );
        if (options.Save is { } folder)
        {
            await Task.WhenAll(
                captures.Select(capture => new CaptureFolder(folder).SaveAsync(capture, cancellationToken))
            );
        }

        return captures;
    }

    private HostFile Ethernet(IReadOnlyList<Capture> captures) =>
        new([.. captures.Select(Reached)]) { Backend = options.Backend };

    private static Host Reached(Capture capture) =>
        new(capture.Host)
        {
            Ips = [LanAddress.Parse(capture.Host, capture.IpConfig) ?? throw LanAddress.Missing(capture.Host)],
        };

    private async Task SetUpAsync(
        IReadOnlyList<(string Host, IReadOnlyList<string> Commands)> setup,
        CancellationToken cancellationToken
    )
    {
        if (options.AutoSetup)
        {
            var runner = new AutoSetup(shell, log);
            IReadOnlyList<string> without = await runner.WithoutSudoAsync(
                setup.Select(host => host.Host),
                cancellationToken
            );
            if (without.Count == 0)
            {
                await Task.WhenAll(setup.Select(host => runner.RunAsync(host.Host, host.Commands, cancellationToken)));
                await log.WriteLineAsync(
                    $"collectives: the Thunderbolt ports of {string.Join(", ", setup.Select(host => host.Host))} are "
                        + "set up"
                );
                return;
            }

            await log.WriteLineAsync(
                $"collectives: warning: sudo needs a password on {string.Join(", ", without)}; run the commands below "
                    + "yourself"
            );
        }

        await HeadingAsync("Setup");
        foreach (var (host, commands) in setup)
        {
            await output.WriteLineAsync($"# on {host}");
            foreach (var command in commands)
            {
                await output.WriteLineAsync(command);
            }

            await output.WriteLineAsync();
        }
    }

    private async Task WriteHostFileAsync(HostFile plan, CancellationToken cancellationToken)
    {
        var json = (plan with { Envs = options.Envs }).ToJson();
        if (options.Output is not { } path)
        {
            await HeadingAsync("Hostfile");
            await output.WriteAsync(json);
            return;
        }

        try
        {
            await File.WriteAllTextAsync(path, json, cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(
                $"the hostfile {path} cannot be written: {failure.Message}",
                ExitCodes.Failed,
                failure
            );
        }

        await InformAsync($"wrote {path}");
    }

    private Task HeadingAsync(string heading) => output.WriteLineAsync($"{heading}\n{new string('=', heading.Length)}");

    private Task InformAsync(string text) =>
        options.Verbose ? log.WriteLineAsync($"collectives: {text}") : Task.CompletedTask;
}
