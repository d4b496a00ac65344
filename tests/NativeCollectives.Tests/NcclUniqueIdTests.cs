namespace NativeCollectives.Tests;

/// <summary>NCCL's id as a value.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class NcclUniqueIdTests
{
    private static readonly byte[] Bytes =
    [
        .. Enumerable.Range(0, NcclUniqueId.Size).Select(value => (byte)(255 - value)),
    ];

    [Test]
    public void ItHoldsItsBytes()
    {
        byte[] bytes = [.. Bytes];
        var id = new NcclUniqueId(bytes);
        bytes[0] = 0;
        id.ToArray()[1] = 0;
        Assert.That(id.ToArray(), Is.EqualTo(Bytes), "it cannot be changed");
        byte[] copy = new byte[NcclUniqueId.Size + 1];
        id.CopyTo(copy);
        Assert.That(copy[..^1], Is.EqualTo(Bytes));
        Assert.That(() => id.CopyTo(new byte[NcclUniqueId.Size - 1]), Throws.ArgumentException);
    }

    [Test]
    public void OtherNumbersOfBytesAreNoId([Values(0, 127, 129)] int length) =>
        Assert.That(
            () => new NcclUniqueId(new byte[length]),
            Throws.ArgumentException.With.Message.Contains($"bytes has {length} elements, but should have 128")
        );

    [Test]
    public void ItsTextIsReadBack()
    {
        var id = new NcclUniqueId(Bytes);
        string text = id.ToString();
        Assert.That(text, Has.Length.EqualTo(256).And.StartsWith("fffefd"));
        Assert.That(NcclUniqueId.Parse(text), Is.EqualTo(id));
        Assert.That(NcclUniqueId.Parse(text.ToUpperInvariant()), Is.EqualTo(id));
        Assert.That(NcclUniqueId.TryParse(text, out NcclUniqueId? read), Is.True);
        Assert.That(read, Is.EqualTo(id));
    }

    [Test]
    public void OtherTextsAreNoId()
    {
        string text = new NcclUniqueId(Bytes).ToString();
        foreach (string? other in new[] { null, "", text[1..], text + "0", "g" + text[1..], " " + text[1..] })
        {
            Assert.That(NcclUniqueId.TryParse(other, out NcclUniqueId? id), Is.False);
            Assert.That(id, Is.Null);
        }

        Assert.That(
            () => NcclUniqueId.Parse("abc"),
            Throws.TypeOf<FormatException>().With.Message.Contains("256 hexadecimal digits")
        );
        Assert.That(() => NcclUniqueId.Parse(null!), Throws.ArgumentNullException);
    }

    [Test]
    public void IdsAreEqualByTheirBytes()
    {
        var id = new NcclUniqueId(Bytes);
        var same = new NcclUniqueId(Bytes);
        var other = new NcclUniqueId(new byte[NcclUniqueId.Size]);
        Assert.That(id == same && id.Equals((object)same) && id.GetHashCode() == same.GetHashCode(), Is.True);
        Assert.That(id != other && !id.Equals(other) && !id.Equals(null) && id != null && null != id, Is.True);
    }

    [Test]
    public void LibrariesThatCannotBeAreNamed()
    {
        Assert.That(
            () => NcclUniqueId.Create(new NcclOptions { Library = "" }),
            Throws.ArgumentException.With.Message.Contains("NcclOptions.Library")
        );
        var options = new NcclOptions { Library = "/nowhere/libnccl.so.2", CudaLibrary = "/nowhere/libcuda.so.1" };
        Assert.That(
            () => NcclUniqueId.Create(options),
            Throws.TypeOf<BackendUnavailableException>().With.Message.Contains("/nowhere/")
        );
    }
}
