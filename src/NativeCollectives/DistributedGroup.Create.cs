using System.Diagnostics;

namespace NativeCollectives;

public sealed partial class DistributedGroup
{
    /// <summary>
    /// Joins the group that the environment describes: with <c>MLX_RANK</c> and <c>MLX_HOSTFILE</c>, as MLX's launcher
    /// sets them, a ring; with the variables of a launcher of NCCL ranks (see <see cref="NcclBootstrap"/>) or of JACCL
    /// ranks (see <see cref="JacclOptions"/>) that. Without them, makes a group of one.
    /// </summary>
    /// <returns>The group. The caller disposes it.</returns>
    /// <exception cref="BackendUnavailableException">What is configured cannot be used on this machine.</exception>
    /// <exception cref="RendezvousException">
    /// The group could not be formed, or a variable's value is malformed.
    /// </exception>
    /// <remarks>
    /// <para>MLX's <c>init()</c>. It blocks until the group is formed, at most 60 seconds.</para>
    /// <para>
    /// Where variables of several launchers are there, <see cref="BackendKind.Any"/> says which count;
    /// <c>NC_BACKEND</c> names the backend. If half a configuration, or a launcher that has started several processes,
    /// leaves this process alone, a warning on the standard error stream says so.
    /// </para>
    /// </remarks>
    public static DistributedGroup Create() => Create(new DistributedGroupOptions());

    /// <summary>Joins the group that the options and, where these are silent, the environment describe.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The group. The caller disposes it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentException">An option's value is impossible; the message names it.</exception>
    /// <exception cref="BackendUnavailableException">
    /// What is configured cannot be used on this machine; or nothing is configured and
    /// <see cref="DistributedGroupOptions.Strict"/> is set.
    /// </exception>
    /// <exception cref="RendezvousException">
    /// The group could not be formed, or the value of an environment variable is malformed.
    /// </exception>
    /// <remarks>
    /// MLX's <c>init(strict, backend)</c>. It blocks until the group is formed, at most
    /// <see cref="DistributedGroupOptions.FormingTimeout"/>. Peers may start in any order. Nothing is remembered of a
    /// failure: trying again starts afresh.
    /// </remarks>
    public static DistributedGroup Create(DistributedGroupOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Create(options, EnvironmentOf(options));
    }

    /// <summary>Joins a group as <see cref="Create(DistributedGroupOptions)"/> does, on a thread of its own.</summary>
    /// <param name="options">
    /// The options; <see langword="null"/>: those of <see cref="Create()"/>. They may be changed once this method has
    /// returned, but not the lists in them.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>
    /// The group. The caller disposes it. Every failure is the task's, wrong options too: this method itself throws
    /// nothing, reads no file and waits for nothing.
    /// </returns>
    /// <exception cref="ArgumentException">An option's value is impossible; the message names it.</exception>
    /// <exception cref="BackendUnavailableException">
    /// What is configured cannot be used on this machine; or nothing is configured and
    /// <see cref="DistributedGroupOptions.Strict"/> is set.
    /// </exception>
    /// <exception cref="RendezvousException">
    /// The group could not be formed, or the value of an environment variable is malformed.
    /// </exception>
    /// <exception cref="OperationCanceledException">The attempt was cancelled.</exception>
    public static Task<DistributedGroup> CreateAsync(
        DistributedGroupOptions? options = null,
        CancellationToken cancellationToken = default
    ) => CreateAsync(options ?? new DistributedGroupOptions(), EnvironmentOf(options), cancellationToken);

    internal static DistributedGroup Create(DistributedGroupOptions options, LaunchEnvironment environment)
    {
        long start = Stopwatch.GetTimestamp();
        return Form(Plan(options, environment, start), start, CancellationToken.None);
    }

    internal static Task<DistributedGroup> CreateAsync(
        DistributedGroupOptions options,
        LaunchEnvironment environment,
        CancellationToken cancellationToken
    )
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<DistributedGroup>(cancellationToken);
        }

        long start = Stopwatch.GetTimestamp();
        DistributedGroupOptions copy = options.Copy();
        return Task.Factory.StartNew(
            () => Form(Plan(copy, environment, start), start, cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default
        );
    }

    // Options that were read with other variables than the process's are read to the end with those.
    private static LaunchEnvironment EnvironmentOf(DistributedGroupOptions? options) =>
        options?.Launched?.Environment ?? LaunchEnvironment.OfProcess;

    private static GroupPlan Plan(DistributedGroupOptions options, LaunchEnvironment environment, long start)
    {
        try
        {
            return GroupPlan.Make(options, environment, WhyUnavailable);
        }
        catch (Exception failure)
        {
            Observation.FormingFailed(options.Observer, options.Name, failure, Stopwatch.GetElapsedTime(start));
            throw;
        }
    }

    private static DistributedGroup Form(GroupPlan plan, long start, CancellationToken cancellationToken)
    {
        try
        {
            DistributedGroup group = Formed(
                new DistributedGroup(GroupFormation.Form(plan, cancellationToken), plan.Observer, plan.Name),
                start
            );
            LaunchReport.Recovered();
            return group;
        }
        catch (Exception failure)
        {
            Observation.FormingFailed(plan.Observer, plan.Name, failure, Stopwatch.GetElapsedTime(start));
            throw;
        }
    }

    private static DistributedGroup Formed(DistributedGroup group, long start)
    {
        group._handle.CountAs(LiveGroupCounts.Add(group));
        Observation.Formed(group, Stopwatch.GetElapsedTime(start));
        return group;
    }
}
