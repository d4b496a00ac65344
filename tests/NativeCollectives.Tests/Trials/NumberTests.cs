using NativeCollectives.Tests.Harness;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Trials;

/// <summary>
/// NaN in maxima and minima, and averages that must not overflow: found in trials, on every backend where it can occur.
/// </summary>
public sealed class NumberTests
{
    private const string Ring = "ring";
    private const string Mesh = "jaccl mesh";
    private const string JacclRing = "jaccl ring";
    private const string Nccl = "nccl";

    // Three ranks: the average is a division by something else than a power of two.
    private const int Size = 3;
    private const int Sockets = 2;

    private readonly SharedRanks<string, LocalRanks> _ranks = new(Start);

    [OneTimeTearDown]
    public void End() => _ranks.Dispose();

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    public void NaNWinsInReduceMaxAndMin(string backend) => Play(backend, "nan_reduce");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    public void NaNWinsInReduceScatterMaxAndMin(string backend) => Play(backend, "nan_reduce_scatter");

    /// <summary>JACCL's ranks tell each other that they are ours.</summary>
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    public void NaNWinsInAllReduceMaxAndMinAmongRanksOfOurs(string backend) => Play(backend, "nan_all_reduce");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    public void NaNWinsInAllReduceMaxAndMinOfASplitGroup(string backend) => Play(backend, "nan_all_reduce_split");

    /// <summary>Any rank of a hostfile may be MLX's, and all ranks must do the same.</summary>
    [TestCase(Ring, Category = "Ring")]
    public void NaNFollowsMlxInAllReduceMaxAndMinOfAHostFile(string backend) => Play(backend, "nan_all_reduce_mlx");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    [TestCase(Nccl, Category = "Nccl")]
    public void AverageOfHalfDoesNotOverflow(string backend) => Play(backend, "average_half");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    [TestCase(Nccl, Category = "Nccl")]
    public void AverageOfIntegersIsExact(string backend) => Play(backend, "average_integers");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    [TestCase(Nccl, Category = "Nccl")]
    public void AverageOfFloatsDoesNotOverflow(string backend) => Play(backend, "average_floats");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    [TestCase(Nccl, Category = "Nccl")]
    public void AverageOfInfinityAndNaNIsThatOfTheSum(string backend) => Play(backend, "average_special");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    [TestCase(Nccl, Category = "Nccl")]
    public void AverageOfManyElementsGoesOverThemInParts(string backend) => Play(backend, "average_many");

    [TestCase(Ring, Category = "Ring")]
    [TestCase(Mesh, Category = "Jaccl")]
    [TestCase(JacclRing, Category = "Jaccl")]
    [TestCase(Nccl, Category = "Nccl")]
    public void AverageOfUnevenBlocksDoesNotOverflow(string backend) => Play(backend, "average_uneven");

    /// <summary>A group of one gives back what it was given, however large.</summary>
    [Test]
    [Category("Unit")]
    public void AverageOfOneIsItself()
    {
        using var group = DistributedGroup.Create(new DistributedGroupOptions { Backend = BackendKind.None });
        var output = new Half[1];
        group.AllReduce([Half.MaxValue], output, ReduceOp.Average);
        Assert.That(output[0], Is.EqualTo(Half.MaxValue));
        int[] least = [int.MinValue];
        group.AllReduce<int>(least, ReduceOp.Average);
        Assert.That(least[0], Is.EqualTo(int.MinValue));
        float[] tiny = [float.Epsilon];
        group.Reduce<float>(tiny, tiny, 0, ReduceOp.Average);
        Assert.That(tiny[0], Is.EqualTo(float.Epsilon));
    }

    private void Play(string backend, string scenario) => _ranks.On(backend, ranks => ranks.Play(scenario));

    private static LocalRanks Start(string backend)
    {
        switch (backend)
        {
            case Ring:
                return new LocalRing(Size, Sockets);
            case Nccl:
                return new LocalNccl(Size);
            default:
                var ranks = new LocalJaccl(Size);
                ranks.Form(backend == Mesh ? JacclShape.Mesh(Size) : JacclShape.Ring(Size, 2));
                return ranks;
        }
    }
}
