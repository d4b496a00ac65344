using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using NativeCollectives.Interop;

namespace NativeCollectives.Tests;

/// <summary>What the native library gets from a program's side channel, however that behaves.</summary>
[TestFixture]
[Category("Unit")]
[CancelAfter(30_000)]
public sealed class JacclSideChannelTests
{
    private const int Rank = 1;
    private const int Size = 3;
    private const long Long = 20_000;
    private const long Short = 50;
    private const byte Untouched = 0xEE;

    private static readonly byte[] Own = [5, 6, 7, 8];
    private static readonly byte[] All = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    [Test]
    public void TheBytesOfAllRanksArrive()
    {
        var seen = new List<(int, int, byte[])>();
        Outcome outcome = Call(
            async (rank, size, own, _) =>
            {
                await Task.Yield();
                seen.Add((rank, size, own.ToArray()));
                return All;
            }
        );
        Assert.That(
            (outcome.Status, outcome.Message, outcome.Failure),
            Is.EqualTo((nc_status.NC_OK, "", (Exception?)null))
        );
        Assert.That(outcome.All, Is.EqualTo(All));
        Assert.That(seen, Has.Count.EqualTo(1));
        Assert.That((seen[0].Item1, seen[0].Item2), Is.EqualTo((Rank, Size)));
        Assert.That(seen[0].Item3, Is.EqualTo(Own));
    }

    [Test]
    public void OneChannelServesEveryRound()
    {
        using var channel = new SideChannel(
            (_, size, own, _) => Task.FromResult(Repeat(own.ToArray(), size)),
            CancellationToken.None
        );
        foreach (int length in new[] { 4, 64, 0, 100_000, 4, 4 })
        {
            byte[] own = [.. Enumerable.Range(length, length).Select(value => (byte)value)];
            Outcome outcome = Call(channel, own, Long);
            Assert.That(outcome.Status, Is.EqualTo(nc_status.NC_OK));
            Assert.That(outcome.All, Is.EqualTo(Repeat(own, Size)));
        }
    }

    [Test]
    public void ItRunsOnThePoolAndNotOnTheThreadThatFormsTheGroup()
    {
        bool isPool = false;
        int thread = 0;
        Call(
            (_, _, _, _) =>
            {
                (isPool, thread) = (Thread.CurrentThread.IsThreadPoolThread, Environment.CurrentManagedThreadId);
                return Task.FromResult(All);
            }
        );
        Assert.That(isPool, Is.True);
        Assert.That(thread, Is.Not.EqualTo(Environment.CurrentManagedThreadId));
    }

    [Test]
    public void AnExceptionIsAFailureOfFormingAndIsKept([Values] bool isAsynchronous)
    {
        var failure = new TimeZoneNotFoundException("the server is gone");
        AssertFails(
            isAsynchronous ? (_, _, _, _) => Task.FromException<byte[]>(failure) : (_, _, _, _) => throw failure,
            "the side channel failed: the server is gone",
            failure
        );
    }

    [Test]
    public void ACancellationOfItsOwnIsAFailureToo()
    {
        Outcome outcome = Call((_, _, _, _) => Task.FromCanceled<byte[]>(new CancellationToken(canceled: true)));
        Assert.That(outcome.Status, Is.EqualTo(nc_status.NC_RENDEZVOUS_FAILED));
        Assert.That(outcome.Failure, Is.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void ALongMessageIsCutBetweenCharacters()
    {
        Outcome outcome = Call((_, _, _, _) => throw new InvalidOperationException(new string('ü', 2000)));
        Assert.That(outcome.Message, Does.StartWith("the side channel failed: ü").And.EndsWith("ü"));
        Assert.That(
            Encoding.UTF8.GetByteCount(outcome.Message),
            Is.InRange(NativeMethods.NC_MESSAGE_SIZE - 2, NativeMethods.NC_MESSAGE_SIZE - 1)
        );
    }

    [Test]
    public void NothingIsNoResult([Values] bool isTask) =>
        AssertFails(
            isTask ? (_, _, _, _) => null! : (_, _, _, _) => Task.FromResult<byte[]>(null!),
            "the side channel returned null",
            null
        );

    [Test]
    public void AWrongLengthIsAFailure([Values(0, 4, 11, 13)] int length) =>
        AssertFails(
            (_, _, _, _) => Task.FromResult(new byte[length]),
            $"the side channel returned {length} bytes, but 3 ranks that give 4 each have 12",
            null
        );

    [Test]
    public void BytesThatAreNotInRankOrderAreAFailure() =>
        AssertFails(
            (_, _, _, _) => Task.FromResult<byte[]>([5, 6, 7, 8, 1, 2, 3, 4, 9, 10, 11, 12]),
            "the side channel returned other bytes in the place of rank 1 than this rank gave: they are not those of "
                + "the ranks in rank order",
            null
        );

    [Test]
    public void WhatTheChannelDoesToTheOwnBytesIsNotOurs()
    {
        byte[] own = [.. Own];
        using var channel = new SideChannel(
            (_, _, given, _) =>
            {
                MemoryMarshal.TryGetArray(given, out ArraySegment<byte> array);
                array.AsSpan().Clear();
                return Task.FromResult(All);
            },
            CancellationToken.None
        );
        Assert.That(Call(channel, own, Long).Status, Is.EqualTo(nc_status.NC_OK));
        Assert.That(own, Is.EqualTo(Own));
    }

    [Test]
    public async Task OneThatDoesNotReturnInTimeIsGivenUpAndToldSo()
    {
        var cancelled = new TaskCompletionSource();
        var late = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        ReadOnlyMemory<byte> kept = default;
        Outcome outcome = Call(
            (_, _, own, token) =>
            {
                kept = own;
                token.Register(cancelled.SetResult);
                return late.Task;
            },
            Short
        );
        AssertTimedOut(outcome);
        await cancelled.Task;

        // What it does afterwards touches its own memory only.
        late.SetResult(All);
        Assert.That(kept.ToArray(), Is.EqualTo(Own));
        Assert.That(outcome.All, Is.All.EqualTo(Untouched));
    }

    [Test]
    public void OneThatBlocksItsThreadIsGivenUpToo()
    {
        using var end = new ManualResetEventSlim();
        try
        {
            AssertTimedOut(
                Call(
                    (_, _, _, _) =>
                    {
                        end.Wait();
                        return Task.FromResult(All);
                    },
                    Short
                )
            );
        }
        finally
        {
            end.Set();
        }
    }

    [Test]
    public void OneThatIsTooLateHoldsUpNobodyWhenItIsTold()
    {
        using var end = new ManualResetEventSlim();
        try
        {
            AssertTimedOut(
                Call(
                    (_, _, _, token) =>
                    {
                        token.Register(end.Wait);
                        return new TaskCompletionSource<byte[]>().Task;
                    },
                    Short
                )
            );
        }
        finally
        {
            end.Set();
        }
    }

    [Test]
    public void WithoutTimeNothingIsWaitedFor([Values(0, -1, long.MinValue)] long timeoutMs) =>
        AssertTimedOut(Call((_, _, _, _) => new TaskCompletionSource<byte[]>().Task, timeoutMs));

    [Test]
    public void ALimitBeyondTheGreatestIsTheGreatest() =>
        Assert.That(Call((_, _, _, _) => Task.FromResult(All), long.MaxValue).Status, Is.EqualTo(nc_status.NC_OK));

    [Test]
    public void TheCallersCancellationEndsIt([Values] bool isObeyed)
    {
        using var source = new CancellationTokenSource();
        var end = new TaskCompletionSource<byte[]>();
        Outcome outcome = Call(
            (_, _, _, token) =>
            {
                source.Cancel();
                Assert.That(token.IsCancellationRequested, Is.True);
                return isObeyed ? Task.FromCanceled<byte[]>(token) : end.Task;
            },
            Long,
            source.Token
        );
        Assert.That((outcome.Status, outcome.Failure), Is.EqualTo((nc_status.NC_CANCELLED, (Exception?)null)));
        Assert.That(outcome.Message, Is.EqualTo("forming the group was cancelled"));
    }

    /// <summary>
    /// Whoever cancels has nothing to do with what the side channel does then, and neither has a timer that cancels.
    /// </summary>
    [Test]
    public void WhatItThrowsWhenItIsCancelledIsThrownAtNobody()
    {
        using var source = new CancellationTokenSource();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task cancelling = asked.Task.ContinueWith(_ => source.Cancel(), TaskScheduler.Default);
        Outcome outcome = Call(
            (_, _, _, token) =>
            {
                token.Register(static () => throw new InvalidOperationException());
                asked.SetResult();
                return new TaskCompletionSource<byte[]>().Task;
            },
            Long,
            source.Token
        );
        Assert.That(outcome.Status, Is.EqualTo(nc_status.NC_CANCELLED));
        Assert.DoesNotThrow(() => cancelling.Wait(CancellationToken.None));
    }

    [Test]
    public void ATokenThatIsCancelledAlreadyEndsItAtOnce()
    {
        Outcome outcome = Call(
            (_, _, _, _) => new TaskCompletionSource<byte[]>().Task,
            Long,
            new CancellationToken(canceled: true)
        );
        Assert.That(outcome.Status, Is.EqualTo(nc_status.NC_CANCELLED));
    }

    [Test]
    public void TheCallersTokenKeepsNothingOfAnEndedExchange()
    {
        using var source = new CancellationTokenSource();
        CancellationToken seen = default;
        Call(
            (_, _, _, token) =>
            {
                seen = token;
                return Task.FromResult(All);
            },
            Long,
            source.Token
        );
        source.Cancel();
        Assert.That(seen.IsCancellationRequested, Is.False);
    }

    [Test]
    public unsafe void ASizeThatCannotBeIsAFailure()
    {
        using var channel = new SideChannel(
            (_, _, _, _) => throw new InvalidOperationException(),
            CancellationToken.None
        );
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        foreach (ulong bytes in new ulong[] { ulong.MaxValue, int.MaxValue })
        {
            nc_status status = SideChannel.Callback(channel.Context, Rank, Size, null, bytes, null, Long, &error);
            Assert.That((status, error.status), Is.EqualTo((nc_status.NC_INTERNAL_ERROR, nc_status.NC_INTERNAL_ERROR)));
        }

        Assert.That(
            SideChannel.Callback(channel.Context, Rank, Size, null, ulong.MaxValue, null, Long, null),
            Is.EqualTo(nc_status.NC_INTERNAL_ERROR)
        );
    }

    [Test]
    public unsafe void TheProgramsExceptionIsTheInnerOne()
    {
        var cause = new InvalidOperationException("the server is gone");
        var error = new nc_error
        {
            size = (uint)sizeof(nc_error),
            status = nc_status.NC_RENDEZVOUS_FAILED,
            rank = -1,
            peer = -1,
            index = -1,
        };
        Encoding.UTF8.GetBytes(
            "the side channel failed: the server is gone",
            new Span<byte>(error.message, NativeMethods.NC_MESSAGE_SIZE)
        );
        var thrown = (RendezvousException)CollectiveErrors.Describe(&error, "jaccl", 1, default, cause);
        Assert.That(thrown.InnerException, Is.SameAs(cause));
        Assert.That(thrown.Message, Is.EqualTo("The side channel failed: the server is gone. (jaccl, rank 1)"));
        Assert.That(CollectiveErrors.Describe(&error, "jaccl", 1).InnerException, Is.Null);
    }

    private static byte[] Repeat(byte[] bytes, int times) =>
        [.. Enumerable.Repeat(bytes, times).SelectMany(part => part)];

    private static void AssertFails(JacclSideChannel gather, string message, Exception? failure)
    {
        Outcome outcome = Call(gather);
        Assert.That((outcome.Status, outcome.Message), Is.EqualTo((nc_status.NC_RENDEZVOUS_FAILED, message)));
        Assert.That(outcome.Failure, Is.SameAs(failure));
        Assert.That(outcome.All, Is.All.EqualTo(Untouched));
    }

    private static void AssertTimedOut(Outcome outcome)
    {
        Assert.That(outcome.Status, Is.EqualTo(nc_status.NC_RENDEZVOUS_FAILED));
        Assert.That(outcome.Message, Does.Match("^the side channel did not return within [0-9]+ ms$"));
        Assert.That(outcome.Failure, Is.Null);
        Assert.That(outcome.Elapsed, Is.LessThan(TimeSpan.FromSeconds(10)));
        Assert.That(outcome.All, Is.All.EqualTo(Untouched));
    }

    private static Outcome Call(
        JacclSideChannel gather,
        long timeoutMs = Long,
        CancellationToken cancellationToken = default
    )
    {
        using var channel = new SideChannel(gather, cancellationToken);
        return Call(channel, Own, timeoutMs);
    }

    // As the native library does.
    private static unsafe Outcome Call(SideChannel channel, byte[] own, long timeoutMs)
    {
        byte[] all = new byte[own.Length * Size];
        all.AsSpan().Fill(Untouched);
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        long begin = Stopwatch.GetTimestamp();
        fixed (
            byte* source = own,
                destination = all
        )
        {
            nc_status status = SideChannel.Callback(
                channel.Context,
                Rank,
                Size,
                source,
                (ulong)own.Length,
                destination,
                timeoutMs,
                &error
            );
            TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
            Assert.That(error.status, Is.EqualTo(status));
            Assert.That(error.size, Is.EqualTo((uint)sizeof(nc_error)));
            string message = Encoding
                .UTF8.GetString(new ReadOnlySpan<byte>(error.message, NativeMethods.NC_MESSAGE_SIZE))
                .TrimEnd('\0');
            Assert.That(
                status == nc_status.NC_OK || (error.rank, error.peer) == (-1, -1),
                Is.True,
                "neither a rank nor a peer is to blame"
            );
            return new Outcome(status, message, channel.Failure, all, elapsed);
        }
    }

    private sealed record Outcome(nc_status Status, string Message, Exception? Failure, byte[] All, TimeSpan Elapsed);
}
