namespace NativeCollectives.Cli.Doctor;

/// <summary>What <c>doctor</c> is asked for.</summary>
internal sealed record DoctorOptions
{
    public string? HostFile { get; init; }

    public string? Backend { get; init; }

    public string? Config { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>In 10⁹ bits per second.</summary>
    public double? MinimumBandwidth { get; init; }

    public string? RemoteCommand { get; init; }

    public bool Json { get; init; }
}
