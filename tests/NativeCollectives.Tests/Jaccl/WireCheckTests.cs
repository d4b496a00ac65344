using System.Text.Json;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>
/// That the comparison with the model notices what it is there to notice: records as the model would have them, and
/// each of them with one thing changed.
/// </summary>
[Category("Jaccl")]
public sealed class WireCheckTests
{
    private sealed record Line(string Call, long Qp, long WrId, long Length, string First, long Status = 0);

    private static readonly JacclShape _mesh = JacclShape.Mesh(3);
    private static readonly JacclShape _ring = JacclShape.Ring(3, 2);

    public static IEnumerable<TestCaseData> Cases =>
        from shape in new[] { _mesh, _ring }
        from next in new[]
        {
            new WireCase { Operation = "AllReduce.Sum", Count = 20_003 },
            new WireCase { Operation = "AllReduce.Sum", Count = 5000 },
            new WireCase { Operation = "ReduceScatter.Sum", Count = 20_003 },
            new WireCase { Operation = "AllGather", Count = 20_003 },
        }
        select new TestCaseData(shape, next).SetArgDisplayNames($"{shape}", $"{next}");

    [TestCaseSource(nameof(Cases))]
    public void ARecordAsTheModelHasItIsRight(JacclShape shape, WireCase next) =>
        Assert.That(Compare(shape, next, Lines(shape, next)), Is.Empty);

    [TestCaseSource(nameof(Cases))]
    public void ALineThatIsMissingIsNoticed(JacclShape shape, WireCase next)
    {
        var lines = Lines(shape, next);
        for (var at = 0; at < lines.Count; at++)
        {
            Assert.That(
                Compare(shape, next, [.. lines[..at], .. lines[(at + 1)..]]),
                Is.Not.Empty,
                $"without line {at}: {lines[at]}"
            );
            Assert.That(
                Compare(shape, next, [.. lines[..at], lines[at], .. lines[at..]]),
                Is.Not.Empty,
                $"with line {at} twice: {lines[at]}"
            );
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void ALineThatIsWrongIsNoticed(JacclShape shape, WireCase next)
    {
        var lines = Lines(shape, next);
        for (var at = 0; at < lines.Count; at++)
        {
            var line = lines[at];
            var others = new List<Line>
            {
                line with
                {
                    WrId = line.WrId ^ 0x100,
                },
                line with
                {
                    Length = line.Length + 4096,
                },
                line with
                {
                    Qp = line.Qp ^ 1,
                },
            };
            if (line.Call == "completion")
            {
                others.Add(line with { Status = 1 });
                if (line.WrId >> 16 == 1)
                {
                    others.RemoveAt(1); // The length of a send's completion says nothing.
                }
            }
            if (line.Call == "post_send" && line.First.Length > 0)
            {
                others.Add(line with { First = line.First[..^1] + (line.First[^1] == '0' ? '1' : '0') });
            }
            foreach (var other in others)
            {
                Assert.That(
                    Compare(shape, next, [.. lines[..at], other, .. lines[(at + 1)..]]),
                    Is.Not.Empty,
                    $"line {at}: {other} for {line}"
                );
            }
        }
    }

    /// <summary>
    /// Every post is put before what it has to wait for: two posts, or a post and the completion before it, the other
    /// way round.
    /// </summary>
    [TestCaseSource(nameof(Cases))]
    public void AnotherOrderIsNoticed(JacclShape shape, WireCase next)
    {
        var lines = Lines(shape, next);
        var noticed = 0;
        for (var at = 1; at < lines.Count; at++)
        {
            var (before, line) = (lines[at - 1], lines[at]);
            var swapped = new List<Line>(lines) { [at - 1] = line, [at] = before };
            var isWrong = Compare(shape, next, swapped).Count > 0;
            noticed += isWrong ? 1 : 0;
            // A message of the same queue and kind before its completion's completion, a completion before its post.
            if (line.Qp == before.Qp && line.WrId == before.WrId)
            {
                Assert.That(isWrong, Is.True, $"line {at}: {line} before {before}");
            }
        }
        Assert.That(noticed, Is.GreaterThanOrEqualTo(5));
    }

    private static List<string> Compare(JacclShape shape, WireCase next, List<Line> lines)
    {
        var events = lines
            .Select(
                (line, number) =>
                    new WireEvent(
                        JsonSerializer.SerializeToElement(
                            new Dictionary<string, object>
                            {
                                ["n"] = number,
                                ["call"] = line.Call,
                                ["qp"] = line.Qp,
                                ["wr_id"] = line.WrId,
                                ["length"] = line.Length,
                                ["byte_len"] = line.Length,
                                ["status"] = line.Status,
                                ["opcode"] = 2,
                                ["flags"] = 2,
                                ["first"] = line.First,
                            }
                        )
                    )
            )
            .ToList();
        return WireCheck.Compare("record", shape, WireModel.Of(shape, true, next, 1), events, Links(shape));
    }

    private static Dictionary<long, WireLink> Links(JacclShape shape) =>
        shape.IsRing
            ? new()
            {
                [4] = WireLink.Left(0),
                [5] = WireLink.Right(0),
                [6] = WireLink.Left(1),
                [7] = WireLink.Right(1),
            }
            : new() { [4] = WireLink.To(0), [5] = WireLink.To(2) };

    // What rank 1 would record if every message ended right after the one before it.
    private static List<Line> Lines(JacclShape shape, WireCase next)
    {
        var lines = new List<Line>();
        var pairs = Links(shape).ToDictionary(entry => entry.Value, entry => entry.Key);
        foreach (var stage in WireModel.Of(shape, true, next, 1).SelectMany(strand => strand.Stages))
        {
            void Add(WireLink link, bool isSend, int message, bool isCompletion)
            {
                var last = link.Side switch
                {
                    WireSide.Peer => link.Number,
                    WireSide.Right => isSend ? 0 : 1,
                    _ => isSend ? 1 : 0,
                };
                var first =
                    isSend && !isCompletion
                        ? Convert.ToHexString(stage.Sends.Single(sends => sends.Link == link).First[message]!)
                        : "";
                lines.Add(
                    new Line(
                        isCompletion ? "completion"
                            : isSend ? "post_send"
                            : "post_recv",
                        pairs[link],
                        ((isSend ? 1 : 2) << 16) | (message % 2 << 8) | last,
                        stage.Length,
                        first
                    )
                );
            }

            for (var message = 0; message < Math.Min(2, stage.Count); message++)
            {
                stage.Receives.ToList().ForEach(link => Add(link, false, message, false));
                stage.Sends.ToList().ForEach(sends => Add(sends.Link, true, message, false));
            }
            for (var message = 0; message < stage.Count; message++)
            {
                stage.Receives.ToList().ForEach(link => Add(link, false, message, true));
                stage.Sends.ToList().ForEach(sends => Add(sends.Link, true, message, true));
                if (message + 2 < stage.Count)
                {
                    stage.Receives.ToList().ForEach(link => Add(link, false, message + 2, false));
                    stage.Sends.ToList().ForEach(sends => Add(sends.Link, true, message + 2, false));
                }
            }
        }
        return lines;
    }
}
