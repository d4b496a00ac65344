using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// The way of native progress messages to the user's delegate and to the standard error stream. A group and those split
/// from it share one, which counts them. Native code holds it weakly, so that a delegate that refers to its group does
/// not keep the group alive.
/// </summary>
internal sealed unsafe class LogChannel
{
    private readonly Action<CollectiveLogLevel, string>? _log;
    private readonly string? _errorPrefix;
    private GCHandle _self;
    private int _references = 1;

    private LogChannel(Action<CollectiveLogLevel, string>? log, string? errorPrefix)
    {
        _log = log;
        _errorPrefix = errorPrefix;
        _self = GCHandle.Alloc(this, GCHandleType.Weak);
    }

    /// <summary>A channel with one reference; <see langword="null"/> if nobody listens.</summary>
    /// <param name="log">The user's delegate.</param>
    /// <param name="errorPrefix">
    /// If not <see langword="null"/>, messages go to the standard error stream too and begin so.
    /// </param>
    internal static LogChannel? Open(Action<CollectiveLogLevel, string>? log, string? errorPrefix) =>
        log is null && errorPrefix is null ? null : new LogChannel(log, errorPrefix);

    internal static delegate* unmanaged[Cdecl]<void*, nc_log_level, byte*, void> Callback => &OnMessage;

    internal void* Context => (void*)GCHandle.ToIntPtr(_self);

    internal void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>Gives one reference back; after the last one, native code must not use the channel any more.</summary>
    internal void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            _self.Free();
        }
    }

    internal void Write(CollectiveLogLevel level, string message)
    {
        // A failure to write is not the group's, nor does it keep the delegate from being called.
        try
        {
            if (_errorPrefix is not null)
            {
                // Messages of the backend begin so already.
                var line = message.StartsWith(_errorPrefix, StringComparison.Ordinal)
                    ? message
                    : _errorPrefix + message;
                Console.Error.WriteLine(line);
            }
        }
        catch (Exception)
        {
            // There is nobody to tell.
        }

        try
        {
            _log?.Invoke(level, message);
        }
        catch (Exception)
        {
            // A listener's failure is not the group's.
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnMessage(void* context, nc_log_level level, byte* message)
    {
        if (GCHandle.FromIntPtr((nint)context).Target is LogChannel channel)
        {
            channel.Write((CollectiveLogLevel)level, Utf8StringMarshaller.ConvertToManaged(message) ?? "");
        }
    }
}
