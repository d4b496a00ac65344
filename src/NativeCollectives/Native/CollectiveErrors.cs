using System.Text;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>The one place that turns a native failure into an exception and words it.</summary>
internal static unsafe class CollectiveErrors
{
    /// <summary>The exception for a native failure.</summary>
    /// <param name="error">The failure.</param>
    /// <param name="backend">The backend's name.</param>
    /// <param name="rank">The own rank, if the failure does not name it.</param>
    /// <param name="cancellationToken">The caller's token, which a cancellation carries.</param>
    /// <param name="cause">The program's own exception that caused the failure, if there was one.</param>
    internal static Exception Describe(
        nc_error* error,
        string backend,
        int rank,
        CancellationToken cancellationToken = default,
        Exception? cause = null
    )
    {
        string message = Sentence(MessageOf(error));
        if (error->index >= 0)
        {
            message = $"Operation {error->index} of the batch: {message}";
        }

        return error->status switch
        {
            nc_status.NC_INVALID_ARGUMENT => new ArgumentException(message),
            nc_status.NC_CANCELLED => new OperationCanceledException(message, cancellationToken),
            nc_status.NC_CLOSED => new ObjectDisposedException(typeof(DistributedGroup).FullName, message),
            nc_status.NC_NOT_SUPPORTED => new NotSupportedException(message),
            _ => DescribeCollective(error, message, backend, rank, cause),
        };
    }

    /// <summary>
    /// The exception for a call that was not tried, because the group had failed before: of the same type, whatever the
    /// native library says of it now.
    /// </summary>
    /// <param name="first">The first failure.</param>
    /// <param name="backend">The backend's name.</param>
    /// <param name="rank">The own rank.</param>
    internal static Exception DescribeLater(Exception first, string backend, int rank)
    {
        string message = $"The group can no longer be used, because an operation failed earlier. {first.Message}";
        return first switch
        {
            BackendUnavailableException failure => new BackendUnavailableException(
                message,
                first,
                FailureDetails.Of(failure)
            ),
            RendezvousException failure => new RendezvousException(message, first, FailureDetails.Of(failure)),
            PeerLostException failure => new PeerLostException(message, first, FailureDetails.Of(failure)),
            CollectiveTimeoutException failure => new CollectiveTimeoutException(
                message,
                first,
                FailureDetails.Of(failure)
            ),
            CollectiveMismatchException failure => new CollectiveMismatchException(
                message,
                first,
                FailureDetails.Of(failure)
            ),
            GroupAbortedException failure => new GroupAbortedException(message, first, FailureDetails.Of(failure)),
            CollectiveOutOfMemoryException failure => new CollectiveOutOfMemoryException(
                message,
                first,
                FailureDetails.Of(failure)
            ),
            CollectiveException failure => new CollectiveException(message, first, FailureDetails.Of(failure)),
            // The operation whose cancellation ended the group was another one.
            _ => new GroupAbortedException(message, first) { Backend = backend, Rank = rank },
        };
    }

    /// <summary>The managed name of an operation; <see langword="null"/> if it is none.</summary>
    internal static string? NameOf(nc_operation operation) =>
        operation switch
        {
            nc_operation.NC_ALL_REDUCE => "AllReduce",
            nc_operation.NC_ALL_GATHER => "AllGather",
            nc_operation.NC_REDUCE_SCATTER => "ReduceScatter",
            nc_operation.NC_BROADCAST => "Broadcast",
            nc_operation.NC_REDUCE => "Reduce",
            nc_operation.NC_GATHER => "Gather",
            nc_operation.NC_SCATTER => "Scatter",
            nc_operation.NC_ALL_TO_ALL => "AllToAll",
            nc_operation.NC_BARRIER => "Barrier",
            nc_operation.NC_SEND => "Send",
            nc_operation.NC_RECEIVE => "Receive",
            nc_operation.NC_SPLIT => "Split",
            nc_operation.NC_SCAN => "Scan",
            nc_operation.NC_EXCLUSIVE_SCAN => "ExclusiveScan",
            nc_operation.NC_BATCH => "Batch",
            _ => null,
        };

    private static CollectiveException DescribeCollective(
        nc_error* error,
        string message,
        string backend,
        int ownRank,
        Exception? cause
    )
    {
        var details = new FailureDetails(
            backend,
            error->rank >= 0 ? error->rank : ownRank,
            error->peer >= 0 ? error->peer : null,
            NameOf(error->operation),
            (long)error->sequence,
            error->system_error,
            error->index >= 0 ? error->index : null
        );
        string text = message + details.ToString();
        if (error->status == nc_status.NC_PEER_LOST)
        {
            LaunchReport.PeerLost(text);
        }

        return error->status switch
        {
            nc_status.NC_BACKEND_UNAVAILABLE or nc_status.NC_NOT_CONFIGURED => new BackendUnavailableException(
                text,
                cause,
                details
            ),
            nc_status.NC_RENDEZVOUS_FAILED => new RendezvousException(text, cause, details),
            nc_status.NC_PEER_LOST => new PeerLostException(text, cause, details),
            nc_status.NC_TIMEOUT => new CollectiveTimeoutException(text, cause, details),
            nc_status.NC_MISMATCH => new CollectiveMismatchException(text, cause, details),
            nc_status.NC_ABORTED => new GroupAbortedException(text, cause, details),
            nc_status.NC_OUT_OF_MEMORY => new CollectiveOutOfMemoryException(text, cause, details),
            _ => new CollectiveException(text, cause, details),
        };
    }

    private static string MessageOf(nc_error* error)
    {
        var bytes = new ReadOnlySpan<byte>(error->message, NativeMethods.NC_MESSAGE_SIZE);
        int length = bytes.IndexOf((byte)0);
        string message = Encoding.UTF8.GetString(length < 0 ? bytes : bytes[..length]);
        return message.Length > 0 ? message : $"the native library reported {error->status} without a message";
    }

    /// <summary>The message of a failure that becomes no exception.</summary>
    internal static string Explain(nc_error* error) => Sentence(MessageOf(error));

    private static string Sentence(string message)
    {
        // A name, such as that of a function or a library, stays as it is.
        int word = message.AsSpan().IndexOfAny(' ', ',');
        bool isName = message.AsSpan(0, word < 0 ? message.Length : word).ContainsAnyExceptInRange('a', 'z');
        string capitalized = isName ? message : char.ToUpperInvariant(message[0]) + message[1..];
        return capitalized[^1] is '.' or '!' or '?' ? capitalized : capitalized + ".";
    }
}
