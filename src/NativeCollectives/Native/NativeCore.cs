using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// The native library: whether it is there, and whether it is the one that this assembly was made for.
/// </summary>
internal static unsafe class NativeCore
{
    private static volatile bool _usable;

    /// <summary>Throws unless the native library can be called.</summary>
    internal static void Require()
    {
        if (!_usable && !CanLoad(out string? reason, out Exception? cause))
        {
            throw new BackendUnavailableException(reason!, cause);
        }
    }

    /// <summary>Whether the native library can be called; looked up until it can.</summary>
    internal static bool CanLoad([NotNullWhen(false)] out string? reason, out Exception? cause)
    {
        reason = null;
        cause = null;
        if (_usable)
        {
            return true;
        }

        try
        {
            uint version = NativeMethods.nc_abi_version();
            if (version == NativeMethods.NC_ABI_VERSION)
            {
                _usable = true;
                return true;
            }

            string release = Utf8StringMarshaller.ConvertToManaged(NativeMethods.nc_version()) ?? "unknown";
            reason =
                $"The native library native_collectives that was found is release {release} with ABI version "
                + $"{version}, "
                + $"but this assembly needs ABI version {NativeMethods.NC_ABI_VERSION}.";
        }
        catch (Exception exception)
            when (exception is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            cause = exception;
            reason =
                "The native library native_collectives could not be loaded; it belongs beside NativeCollectives.dll, "
                + "or into the folder "
                + $"runtimes/<rid>/native of the application. {exception.Message}";
        }

        return false;
    }
}
