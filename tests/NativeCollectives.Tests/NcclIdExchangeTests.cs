namespace NativeCollectives.Tests;

/// <summary>
/// What comes of forming an NCCL group over another group where that cannot be, on what says of itself that it is rank
/// 0 of 2.
/// </summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class NcclIdExchangeTests
{
    private DistributedGroup _group = null!;
    private DistributedGroupOptions _options = null!;

    [SetUp]
    public void Form()
    {
        GroupPlan plan = GroupPlan.Make(
            new DistributedGroupOptions { Backend = BackendKind.None },
            new LaunchEnvironment(_ => null),
            _ => null
        );
        _group = new DistributedGroup(GroupFormation.Form(plan, CancellationToken.None), rank: 0, size: 2);
        _options = new DistributedGroupOptions
        {
            Backend = BackendKind.Nccl,
            Nccl = new NcclOptions { BootstrapGroup = _group, Library = "/nowhere/libnccl.so.2" },
            FormingTimeout = TimeSpan.FromSeconds(20),
        };
    }

    [TearDown]
    public void Leave() => _group.Dispose();

    [Test]
    public async Task EveryRankLearnsWhyARankCannotUseNccl(
        [Values(BackendKind.Any, BackendKind.Nccl)] BackendKind backend
    )
    {
        _options.Backend = backend;
        BackendUnavailableException error = Assert.Throws<BackendUnavailableException>(() =>
            DistributedGroup.Create(_options)
        )!;
        Assert.That(
            error.Message,
            Does.StartWith("NCCL cannot be used on rank 0. ").And.Contains("/nowhere/libnccl.so.2")
        );
        Assert.That((error.Backend, error.Rank), Is.EqualTo(("nccl", 0)));
        Assert.That(error.InnerException, Is.TypeOf<BackendUnavailableException>());
        await Assert.ThrowsAsync<BackendUnavailableException>(() => DistributedGroup.CreateAsync(_options));
        Assert.That(_group.IsFaulted, Is.False, "the other group stays usable");
    }

    [Test]
    public void AFailureOfTheOtherGroupIsOneOfForming()
    {
        _group.Abort("for the test");
        RendezvousException error = Assert.Throws<RendezvousException>(() => DistributedGroup.Create(_options))!;
        Assert.That(
            error.Message,
            Does.StartWith("NCCL's id could not be exchanged over NcclOptions.BootstrapGroup.")
                .And.Contains("for the test")
        );
        Assert.That(error.InnerException, Is.TypeOf<GroupAbortedException>());
    }

    [Test]
    public void ADisposedGroupIsNone()
    {
        _group.Dispose();
        Assert.That(() => DistributedGroup.Create(_options), Throws.TypeOf<ObjectDisposedException>());
    }
}
