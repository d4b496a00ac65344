namespace NativeCollectives.Tests;

/// <summary>mlx-swift's single-process cases (pull request 371) that are not among those of a group of one.</summary>
[Category("Unit")]
public sealed class LifecycleTests
{
    [Test]
    public void Lifecycle()
    {
        int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

        for (var i = 0; i < 10; i++)
        {
            DistributedGroup.Create(new DistributedGroupOptions()).Dispose();
        }
        var before = OperatingSystem.IsLinux() ? Descriptors() : 0;
        for (var i = 0; i < 150; i++)
        {
            using var group = DistributedGroup.Create(new DistributedGroupOptions());
            Assert.That((group.Rank, group.Size), Is.EqualTo((0, 1)));
        }
        if (OperatingSystem.IsLinux())
        {
            Assert.That(Descriptors(), Is.LessThanOrEqualTo(before + 2));
        }
    }
}
