namespace NativeCollectives.Hosting;

/// <summary>The limits of a <see cref="RequestReplicator"/>, alike on every rank.</summary>
public sealed class RequestReplicatorOptions
{
    /// <summary>
    /// The size of the largest message, in bytes: 256 MiB by default. A larger one is the publisher's mistake.
    /// </summary>
    public int MaxMessageBytes { get; set; } = 256 << 20;

    /// <summary>
    /// How many bytes of messages a rank holds that it has received and its program has not read: 64 MiB by default.
    /// While a rank has more, nothing is published to any: so at most these bytes and one message are held.
    /// </summary>
    public int MaxBufferedBytes { get; set; } = 64 << 20;

    /// <summary>
    /// How often rank 0 lets the others hear of it while it has nothing to publish, and how long a rank whose buffer is
    /// full keeps it waiting: 5 seconds by default.
    /// </summary>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a rank waits for the others to be heard of before they count as lost: 60 seconds by default, and at
    /// least three heartbeats. A large message is sent in pieces of 4 MiB, each of which may take so long.
    /// </summary>
    public TimeSpan PeerTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>A copy that nobody changes.</summary>
    /// <exception cref="ArgumentException">A value is impossible.</exception>
    internal RequestReplicatorOptions Checked()
    {
        Require(
            MaxMessageBytes is >= 1 && MaxMessageBytes <= Array.MaxLength,
            $"{nameof(MaxMessageBytes)} is {MaxMessageBytes}, but should be from 1 to {Array.MaxLength}."
        );
        Require(MaxBufferedBytes >= 1, $"{nameof(MaxBufferedBytes)} is {MaxBufferedBytes}, but should be at least 1.");
        Require(
            Timeouts.IsValid(HeartbeatInterval),
            $"{nameof(HeartbeatInterval)} is {HeartbeatInterval}, but {Timeouts.Requirement}."
        );
        Require(Timeouts.IsValid(PeerTimeout), $"{nameof(PeerTimeout)} is {PeerTimeout}, but {Timeouts.Requirement}.");
        Require(
            PeerTimeout >= 3 * HeartbeatInterval,
            $"{nameof(PeerTimeout)} is {PeerTimeout}, but should be at least three times {nameof(HeartbeatInterval)}, "
                + $"which is {HeartbeatInterval}."
        );
        return (RequestReplicatorOptions)MemberwiseClone();

        static void Require(bool isTrue, string otherwise)
        {
            if (!isTrue)
            {
                throw new ArgumentException($"{nameof(RequestReplicatorOptions)}.{otherwise}", "options");
            }
        }
    }
}
