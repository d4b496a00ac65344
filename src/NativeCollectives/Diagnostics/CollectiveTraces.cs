using System.Diagnostics;

namespace NativeCollectives;

/// <summary>
/// Makes an activity of every operation and of every forming of a group, on the source
/// <see cref="CollectiveTelemetry.ActivitySourceName"/>, if somebody listens.
/// </summary>
/// <remarks>
/// The activity of an asynchronous operation is never <see cref="Activity.Current"/> of its caller, who goes on
/// meanwhile.
/// </remarks>
internal static class CollectiveTraces
{
    /// <summary>The name of the activity of forming a group.</summary>
    internal const string Forming = "FormGroup";

    private static readonly ActivitySource _source = new(
        CollectiveTelemetry.ActivitySourceName,
        CollectiveTelemetry.Version
    );

    /// <summary>Whether somebody listens.</summary>
    internal static bool AreHeard => _source.HasListeners();

    internal static Activity? OperationStarting(DistributedGroup group, in ObservedOperation operation)
    {
        Activity? current = Activity.Current;
        Activity? activity = _source.StartActivity(operation.Name);
        if (operation.IsAsynchronous)
        {
            Activity.Current = current;
        }

        if (activity is { IsAllDataRequested: true })
        {
            Describe(activity, group);
            activity.SetTag(CollectiveTags.OperationName, operation.Name);
            activity.SetTag(CollectiveTags.InputSize, operation.SentBytes);
            activity.SetTag(CollectiveTags.OutputSize, operation.ReceivedBytes);
            activity.SetTag(CollectiveTags.IsAsynchronous, operation.IsAsynchronous);
            if (operation.DataType is { } type)
            {
                activity.SetTag(CollectiveTags.DataType, CollectiveTags.NameOf(type));
            }
        }

        return activity;
    }

    internal static void OperationEnded(Activity activity, bool isAsynchronous, Exception? failure) =>
        End(activity, failure, isAsynchronous ? Activity.Current : activity.Parent);

    internal static void GroupFormed(DistributedGroup group, TimeSpan duration)
    {
        if (Start(duration, out Activity? current) is { } activity)
        {
            Describe(activity, group);
            End(activity, null, current);
        }
    }

    internal static void FormingFailed(string? name, Exception failure, TimeSpan duration)
    {
        if (Start(duration, out Activity? current) is { } activity)
        {
            activity.SetTag(CollectiveTags.Backend, CollectiveTags.BackendOf(failure));
            if (name is not null)
            {
                activity.SetTag(CollectiveTags.GroupName, name);
            }

            End(activity, failure, current);
        }
    }

    // The activity of something that has begun some time ago.
    private static Activity? Start(TimeSpan duration, out Activity? current)
    {
        current = Activity.Current;
        return _source.StartActivity(ActivityKind.Internal, startTime: DateTimeOffset.UtcNow - duration, name: Forming);
    }

    private static void Describe(Activity activity, DistributedGroup group)
    {
        activity.SetTag(CollectiveTags.Backend, group.BackendName);
        activity.SetTag(CollectiveTags.GroupKind, CollectiveTags.KindOf(group));
        if (group.Name is not null)
        {
            activity.SetTag(CollectiveTags.GroupName, group.Name);
        }

        activity.SetTag(CollectiveTags.GroupRank, group.Rank);
        activity.SetTag(CollectiveTags.GroupSize, group.Size);
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
