using System.Diagnostics;
using System.Reflection;

namespace NativeCollectives.Hosting;

/// <summary>
/// Makes an activity of every operation and of every forming of a group, on the source
/// <see cref="ActivitySourceName"/>.
/// </summary>
/// <remarks>
/// <c>AddDistributedGroup</c> puts it in place. Without a host: <c>new DistributedGroupOptions { Observer = new
/// CollectiveTraces() }</c>. Where nobody listens there are no activities. That of an asynchronous operation is never
/// <see cref="Activity.Current"/> of its caller, who goes on meanwhile.
/// </remarks>
public sealed class CollectiveTraces : CollectiveObserver
{
    /// <summary>The name of the source: <c>NativeCollectives</c>.</summary>
    public const string ActivitySourceName = "NativeCollectives";

    /// <summary>The name of the activity of forming a group.</summary>
    internal const string Forming = "FormGroup";

    private static readonly ActivitySource _source = new(ActivitySourceName, Version);

    /// <summary>The version of this library.</summary>
    internal static string? Version =>
        typeof(CollectiveTraces)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion;

    /// <inheritdoc/>
    public override object? OperationStarting(DistributedGroup group, in ObservedOperation operation)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (!_source.HasListeners())
        {
            return null;
        }

        Activity? current = Activity.Current;
        Activity? activity = _source.StartActivity(operation.Name);
        if (operation.IsAsynchronous)
        {
            Activity.Current = current;
        }

        if (activity is { IsAllDataRequested: true })
        {
            Describe(activity, group);
            activity.SetTag(CollectiveTags.Operation, operation.Name);
            activity.SetTag(CollectiveTags.SentBytes, operation.SentBytes);
            activity.SetTag(CollectiveTags.ReceivedBytes, operation.ReceivedBytes);
            activity.SetTag(CollectiveTags.IsAsynchronous, operation.IsAsynchronous);
            if (operation.DataType is { } type)
            {
                activity.SetTag(CollectiveTags.DataType, CollectiveTags.NameOf(type));
            }
        }

        return activity;
    }

    /// <inheritdoc/>
    public override void OperationEnded(
        DistributedGroup group,
        in ObservedOperation operation,
        object? state,
        TimeSpan duration,
        Exception? failure
    )
    {
        if (state is Activity activity)
        {
            End(activity, failure, operation.IsAsynchronous ? Activity.Current : activity.Parent);
        }
    }

    /// <inheritdoc/>
    public override void GroupFormed(DistributedGroup group, TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(group);
        Formed(group, duration, null);
    }

    /// <inheritdoc/>
    public override void FormingFailed(Exception failure, TimeSpan duration) => Formed(null, duration, failure);

    private static void Formed(DistributedGroup? group, TimeSpan duration, Exception? failure)
    {
        if (!_source.HasListeners())
        {
            return;
        }

        Activity? current = Activity.Current;
        Activity? activity = _source.StartActivity(
            ActivityKind.Internal,
            startTime: DateTimeOffset.UtcNow - duration,
            name: Forming
        );
        if (activity is null)
        {
            return;
        }

        if (activity.IsAllDataRequested)
        {
            if (group is not null)
            {
                Describe(activity, group);
            }
            else if (failure is not null)
            {
                activity.SetTag(CollectiveTags.Backend, CollectiveTags.BackendOf(failure));
            }
        }

        End(activity, failure, current);
    }

    private static void Describe(Activity activity, DistributedGroup group)
    {
        activity.SetTag(CollectiveTags.Backend, group.Backend);
        activity.SetTag(CollectiveTags.Group, CollectiveTags.GroupOf(group));
        activity.SetTag(CollectiveTags.Rank, group.Rank);
        activity.SetTag(CollectiveTags.Size, group.Size);
    }

    // The thread that ends an activity need not be the one that started it; it keeps what is current on it.
    private static void End(Activity activity, Exception? failure, Activity? current)
    {
        if (failure is not null)
        {
            activity.SetStatus(ActivityStatusCode.Error, failure.Message);
            activity.SetTag(CollectiveTags.ErrorType, CollectiveTags.ErrorTypeOf(failure));
            activity.AddException(failure);
        }

        activity.Stop();
        Activity.Current = current;
    }
}
