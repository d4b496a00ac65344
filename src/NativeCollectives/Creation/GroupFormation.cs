using System.Runtime.InteropServices;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>Forms the native group that a plan describes.</summary>
internal static unsafe class GroupFormation
{
    /// <summary>Blocks until the group is formed, or fails.</summary>
    /// <param name="plan">The group.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal static GroupHandle Form(GroupPlan plan, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        NativeCore.Require();
        var handle = new GroupHandle();
        LogChannel? log = LogChannel.Open(plan.Log, plan.ErrorPrefix);
        bool formed = false;
        try
        {
            if (plan.Warning is not null)
            {
                log?.Write(CollectiveLogLevel.Warning, plan.Warning);
            }

            if (plan is { Warning: not null, WarnsOnStandardError: true, ErrorPrefix: null })
            {
                StandardError.Warn(plan.Warning);
            }

            if (plan.Note is not null)
            {
                log?.Write(CollectiveLogLevel.Information, plan.Note);
            }

            nc_group* group = Call(plan, log, cancellationToken);
            handle.Own(group, log);
            formed = true;
        }
        finally
        {
            if (!formed)
            {
                log?.Release();
            }
        }

        return handle;
    }

    private static nc_group* Call(GroupPlan plan, LogChannel? log, CancellationToken cancellationToken)
    {
        BackendConfiguration? configuration = plan.Configuration;
        IReadOnlyList<KeyValuePair<string, string>> settings = configuration?.Settings ?? [];
        var deadline = new Deadline(plan.FormingTimeout);
        if (configuration?.BootstrapGroup is { } bootstrap)
        {
            settings =
            [
                .. settings,
                new(
                    "id",
                    NcclIdExchange.Run(bootstrap, configuration.Libraries, deadline, cancellationToken).ToString()
                ),
            ];
        }

        using var strings = new NativeStrings();
        using var cancellation = new CancellationFlag(cancellationToken);
        using SideChannel? sideChannel = configuration?.SideChannel is { } gather
            ? new SideChannel(gather, cancellationToken)
            : null;
        var options = new nc_group_options
        {
            size = (uint)sizeof(nc_group_options),
            rank = configuration?.Rank ?? 0,
            backend = configuration is null ? null : strings.Add(configuration.Name),
            settings = strings.Add(settings),
            setting_count = (ulong)settings.Count,
            forming_timeout_ms = Timeouts.ToMilliseconds(
                configuration?.BootstrapGroup is null ? plan.FormingTimeout : deadline.Remaining
            ),
            operation_timeout_ms = Timeouts.ToMilliseconds(plan.OperationTimeout),
            log = log is null ? null : LogChannel.Callback,
            log_context = log is null ? null : log.Context,
            side_channel = sideChannel is null ? null : SideChannel.Callback,
            side_channel_context = sideChannel is null ? null : sideChannel.Context,
            cancel = cancellation.Address,
        };
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        nc_group* group = null;
        nc_status status = NativeMethods.nc_group_create(&options, &group, &error);
        GC.KeepAlive(log);
        return status == nc_status.NC_OK
            ? group
            : throw CollectiveErrors.Describe(
                &error,
                configuration?.Name ?? "self",
                options.rank,
                cancellationToken,
                sideChannel?.Failure
            );
    }

    // A number in native memory that becomes 1 when a token is cancelled.
    private sealed class CancellationFlag : IDisposable
    {
        private readonly CancellationTokenRegistration _registration;

        internal CancellationFlag(CancellationToken cancellationToken)
        {
            if (cancellationToken.CanBeCanceled)
            {
                Address = (int*)NativeMemory.AllocZeroed(sizeof(int));
                _registration = cancellationToken.UnsafeRegister(
                    static flag => Volatile.Write(ref *((CancellationFlag)flag!).Address, 1),
                    this
                );
            }
        }

        internal int* Address { get; private set; }

        public void Dispose()
        {
            // Waits for a callback that is running.
            _registration.Dispose();
            NativeMemory.Free(Address);
            Address = null;
        }
    }
}
