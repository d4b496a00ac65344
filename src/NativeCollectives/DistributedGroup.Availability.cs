using System.Diagnostics.CodeAnalysis;
using NativeCollectives.Interop;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>Whether a backend can be used on this machine. It is no promise that a group can be formed.</summary>
    /// <param name="backend">The backend; <see cref="BackendKind.Any"/>: whether there is one at all.</param>
    /// <returns>Whether it can be used. The question is asked anew each time.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="backend"/> is no backend.</exception>
    /// <remarks>MLX's <c>is_available</c>.</remarks>
    public static bool IsAvailable(BackendKind backend) => IsAvailable(backend, out _);

    /// <summary>
    /// Whether a backend can be used on this machine, and if not, why. It is no promise that a group can be formed.
    /// </summary>
    /// <param name="backend">The backend; <see cref="BackendKind.Any"/>: whether there is one at all.</param>
    /// <param name="reason">
    /// What is missing and where it was looked for; <see langword="null"/> if the backend can be used.
    /// </param>
    /// <returns>Whether it can be used. The question is asked anew each time.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="backend"/> is no backend.</exception>
    /// <remarks>MLX's <c>is_available</c>, with a reason.</remarks>
    public static bool IsAvailable(BackendKind backend, [NotNullWhen(false)] out string? reason) =>
        IsAvailable(backend, new DistributedGroupOptions(), out reason);

    /// <summary>
    /// Whether a backend can be used on this machine with the libraries that options name, and if not, why.
    /// </summary>
    /// <param name="backend">The backend; <see cref="BackendKind.Any"/>: whether there is one at all.</param>
    /// <param name="options">
    /// The options, of which only the libraries' paths count: <see cref="DistributedGroupOptions.BackendDirectory"/>,
    /// <see cref="NcclOptions.Library"/>, <see cref="JacclOptions.Library"/> and the like.
    /// </param>
    /// <param name="reason">
    /// What is missing and where it was looked for; <see langword="null"/> if the backend can be used.
    /// </param>
    /// <returns>Whether it can be used. The question is asked anew each time.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException">A library's path is impossible.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="backend"/> is no backend.</exception>
    public static bool IsAvailable(
        BackendKind backend,
        DistributedGroupOptions options,
        [NotNullWhen(false)] out string? reason
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Enum.IsDefined(backend))
        {
            throw new ArgumentOutOfRangeException(nameof(backend), backend, "This is not a backend.");
        }

        if (!NativeCore.CanLoad(out reason, out _))
        {
            return false;
        }

        reason = backend switch
        {
            BackendKind.None => null,
            BackendKind.Any => WhyNone(options),
            _ => WhyUnavailable(backend, LibrariesOf(backend, options)),
        };
        return reason is null;
    }

    /// <summary>Why a backend cannot be used on this machine; <see langword="null"/> if it can.</summary>
    internal static string? WhyUnavailable(BackendConfiguration configuration) =>
        WhyUnavailable(configuration.Backend, configuration.Libraries);

    /// <summary>Throws unless a backend can be used on this machine.</summary>
    internal static void RequireAvailable(BackendKind backend, IReadOnlyList<KeyValuePair<string, string>> libraries)
    {
        if (WhyUnavailable(backend, libraries) is { } reason)
        {
            throw new BackendUnavailableException(reason) { Backend = BackendNames.Of(backend) };
        }
    }

    private static unsafe string? WhyUnavailable(
        BackendKind backend,
        IReadOnlyList<KeyValuePair<string, string>> libraries
    )
    {
        if (!NativeCore.CanLoad(out string? reason, out _))
        {
            return reason;
        }

        using var strings = new NativeStrings();
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        nc_status status = NativeMethods.nc_backend_available(
            strings.Add(BackendNames.Of(backend)),
            strings.Add(libraries),
            (ulong)libraries.Count,
            &error
        );
        return status == nc_status.NC_OK ? null : CollectiveErrors.Explain(&error);
    }

    private static IReadOnlyList<KeyValuePair<string, string>> LibrariesOf(
        BackendKind backend,
        DistributedGroupOptions options
    ) =>
        [
            .. backend switch
            {
                BackendKind.Nccl => NcclConfiguration.Libraries(options.Nccl),
                BackendKind.Jaccl => JacclConfiguration.Libraries(options.Jaccl),
                _ => [],
            },
            .. BackendConfiguration.Directory(options),
        ];

    private static string? WhyNone(DistributedGroupOptions options)
    {
        List<string> reasons = [];
        foreach (BackendKind candidate in BackendNames.InOrder)
        {
            if (WhyUnavailable(candidate, LibrariesOf(candidate, options)) is not { } reason)
            {
                return null;
            }

            reasons.Add($"{BackendNames.Of(candidate)}: {reason}");
        }

        return string.Join(" ", reasons);
    }
}
