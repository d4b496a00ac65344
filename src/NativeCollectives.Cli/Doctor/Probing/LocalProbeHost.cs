using NativeCollectives.Cli.Doctor.Machine;

namespace NativeCollectives.Cli.Doctor.Probing;

/// <summary>This machine, on which probes run within this process.</summary>
/// <param name="report">What is known of it.</param>
/// <param name="stepTime">How long each step of a probe may take.</param>
internal sealed class LocalProbeHost(MachineReport report, TimeSpan stepTime) : IProbeHost
{
    public Task<MachineReport> InspectAsync(CancellationToken cancellationToken) => Task.FromResult(report);

    public async Task<IListeningProbe> ListenAsync(string address, int port, CancellationToken cancellationToken) =>
        new Listening(await ProbeListener.OpenAsync(address, port, stepTime, cancellationToken), address);

    public Task<ProbeResult> CallAsync(ProbeTarget target, CancellationToken cancellationToken) =>
        Task.Run(() => ProbeCaller.RunAsync(target, stepTime, cancellationToken), cancellationToken);

    private sealed class Listening : IListeningProbe
    {
        private readonly CancellationTokenSource _end = new();
        private readonly ProbeListener _listener;
        private readonly Task _serving;

        public Listening(ProbeListener listener, string address)
        {
            _listener = listener;
            Target = new ProbeTarget(address, listener.Port, listener.Token);
            _serving = Task.Run(() => listener.ServeAsync(_end.Token));
        }

        public ProbeTarget Target { get; }

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _listener.Dispose();
            _end.Dispose();
        }
    }
}
