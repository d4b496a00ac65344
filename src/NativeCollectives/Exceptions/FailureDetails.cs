using System.Globalization;
using System.Text;

namespace NativeCollectives;

/// <summary>The circumstances of a failure, as <see cref="CollectiveException"/> shows them.</summary>
internal readonly record struct FailureDetails(
    string Backend,
    int Rank,
    int? Peer,
    string? Operation,
    long SequenceNumber,
    int SystemError,
    int? BatchIndex
)
{
    internal static FailureDetails Of(CollectiveException failure) =>
        new(
            failure.Backend,
            failure.Rank,
            failure.Peer,
            failure.Operation,
            failure.SequenceNumber,
            failure.SystemError,
            failure.BatchIndex
        );

    /// <summary>
    /// What follows a message: <c> (ring, rank 1, peer 2, AllReduce number 12)</c>; empty if nothing is known.
    /// </summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Append(text, Backend.Length > 0, Backend);
        Append(text, Rank >= 0, string.Create(CultureInfo.InvariantCulture, $"rank {Rank}"));
        Append(text, Peer is not null, string.Create(CultureInfo.InvariantCulture, $"peer {Peer}"));
        Append(
            text,
            Operation is not null,
            string.Create(CultureInfo.InvariantCulture, $"{Operation} number {SequenceNumber}")
        );
        return text.Length == 0 ? "" : text.Append(')').ToString();
    }

    private static void Append(StringBuilder text, bool known, string part)
    {
        if (known)
        {
            text.Append(text.Length == 0 ? " (" : ", ").Append(part);
        }
    }
}
