namespace NativeCollectives.Tests;

/// <summary>Pieces of device memory as values, and what is said where there is no device.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class DeviceMemoryTests
{
    [Test]
    public void ASpanIsAnAddressAndALength()
    {
        var span = new DeviceSpan<float>(0x1000, 10);
        Assert.That((span.Address, span.Length, span.IsEmpty), Is.EqualTo(((nint)0x1000, 10L, false)));
        Assert.That(span.ToString(), Is.EqualTo("Single[10] at 0x1000"));
        Assert.That(
            default(DeviceSpan<float>).IsEmpty
                && new DeviceSpan<float>(0, 0).IsEmpty
                && new DeviceSpan<float>(8, 0).IsEmpty,
            Is.True
        );
    }

    [Test]
    public void Slices()
    {
        var span = new DeviceSpan<double>(0x1000, 10);
        Assert.That(span.Slice(0), Is.EqualTo(span));
        Assert.That(span.Slice(3), Is.EqualTo(new DeviceSpan<double>(0x1018, 7)));
        Assert.That(span.Slice(3, 2), Is.EqualTo(new DeviceSpan<double>(0x1018, 2)));
        Assert.That(span.Slice(10), Is.EqualTo(new DeviceSpan<double>(0x1050, 0)));
        Assert.That(span.Slice(10, 0).IsEmpty, Is.True);
        Assert.That(
            new DeviceSpan<byte>(0x1000, 1L << 40).Slice(1L << 39).Address,
            Is.EqualTo(unchecked((nint)0x80_0000_1000))
        );
        foreach (long start in new[] { -1, 11, long.MinValue, long.MaxValue })
        {
            Assert.That(
                () => span.Slice(start),
                Throws.InstanceOf<ArgumentOutOfRangeException>().With.Property("ParamName").EqualTo("start")
            );
            Assert.That(
                () => span.Slice(start, 0),
                Throws.InstanceOf<ArgumentOutOfRangeException>().With.Property("ParamName").EqualTo("start")
            );
        }

        foreach (long length in new[] { -1, 8, long.MinValue, long.MaxValue })
        {
            Assert.That(
                () => span.Slice(3, length),
                Throws.InstanceOf<ArgumentOutOfRangeException>().With.Property("ParamName").EqualTo("length")
            );
        }
    }

    [Test]
    public void SpansAreEqualByAddressAndLength()
    {
        var span = new DeviceSpan<int>(0x1000, 10);
        var same = new DeviceSpan<int>(0x1000, 10);
        Assert.That(span == same && span.Equals((object)same) && span.GetHashCode() == same.GetHashCode(), Is.True);
        Assert.That(
            span != new DeviceSpan<int>(0x1000, 9) && span != new DeviceSpan<int>(0x1004, 10) && !span.Equals("span"),
            Is.True
        );
    }

    [Test]
    public void SpansThatAreNone()
    {
        Assert.That(() => new DeviceSpan<int>(0, 1), Throws.ArgumentNullException);
        Assert.That(() => new DeviceSpan<int>(8, -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new DeviceSpan<int>(8, long.MaxValue / 4), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new DeviceSpan<byte>(-1, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void BuffersThatAreNone()
    {
        Assert.That(() => new DeviceBuffer<float>(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new DeviceBuffer<float>(1, -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new DeviceBuffer<float>(long.MaxValue / 2), Throws.InstanceOf<ArgumentOutOfRangeException>());
        DeviceSpan<float> nothing = (DeviceBuffer<float>?)null;
        Assert.That(nothing.IsEmpty, Is.True);
    }

    [Test]
    public void AGroupOnHostMemoryHasNoDevice()
    {
        using DistributedGroup group = DistributedGroup.Create(
            new DistributedGroupOptions { Backend = BackendKind.None }
        );
        Assert.That(group.Device, Is.Null);
        Assert.That(
            () => group.AllocateDevice<float>(1),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("none")
        );
        foreach (
            BackendKind backend in new[] { BackendKind.Ring, BackendKind.Jaccl, BackendKind.Any, BackendKind.None }
        )
        {
            Assert.That(
                () => DistributedGroup.DeviceCount(backend),
                Throws.TypeOf<NotSupportedException>().With.Message.Contains(BackendNames.Of(backend))
            );
        }

        Assert.That(
            () => DistributedGroup.DeviceCount((BackendKind)99),
            Throws.InstanceOf<ArgumentOutOfRangeException>()
        );
    }

    [Test]
    public void WithoutCudaEverythingSaysWhichLibrariesAreMissing()
    {
        if (DistributedGroup.IsAvailable(BackendKind.Nccl, out string? reason))
        {
            Assert.Ignore("NCCL can be used on this machine.");
        }

        Assert.That(reason, Does.Contain("libnccl.so.2").Or.Contain("libcuda.so.1"));
        Assert.That(DistributedGroup.IsAvailable(BackendKind.Nccl), Is.False);
        Assert.That(() => DistributedGroup.DeviceCount(BackendKind.Nccl), Throws.TypeOf<BackendUnavailableException>());
        Assert.That(() => new DeviceBuffer<float>(1), Throws.TypeOf<BackendUnavailableException>());
        Assert.That(() => NcclUniqueId.Create(), Throws.TypeOf<BackendUnavailableException>());
        BackendUnavailableException error = Assert.Throws<BackendUnavailableException>(() =>
            DistributedGroup.Create(
                new DistributedGroupOptions
                {
                    Backend = BackendKind.Nccl,
                    Nccl = new NcclOptions { Size = 1 },
                }
            )
        )!;
        Assert.That(error.Message, Does.Contain(reason));
    }

    [Test]
    public void AvailabilityGoesByTheLibrariesThatOptionsName()
    {
        var options = new DistributedGroupOptions
        {
            Nccl = new NcclOptions { Library = "/nowhere/libnccl.so.2", CudaLibrary = "/nowhere/libcuda.so.1" },
        };
        Assert.That(DistributedGroup.IsAvailable(BackendKind.Nccl, options, out string? reason), Is.False);
        Assert.That(reason, Does.Contain("/nowhere/lib"));
        Assert.That(DistributedGroup.IsAvailable(BackendKind.None, options, out reason), Is.True);
        Assert.That(reason, Is.Null);
        options.Nccl.Library = " ";
        Assert.That(
            () => DistributedGroup.IsAvailable(BackendKind.Nccl, options, out _),
            Throws.ArgumentException.With.Message.Contains("NcclOptions.Library")
        );
        Assert.That(() => DistributedGroup.IsAvailable(BackendKind.Nccl, null!, out _), Throws.ArgumentNullException);
    }
}
