using System.Globalization;
using NativeCollectives.Worker;

namespace NativeCollectives.Tests.Jaccl;

/// <summary>Compares what a rank has posted for one operation with the model.</summary>
internal sealed class WireCheck
{
    private readonly List<string> _wrong = [];
    private readonly string _what;
    private readonly JacclShape _shape;

    private WireCheck(string what, JacclShape shape) => (_what, _shape) = (what, shape);

    /// <summary>What is wrong.</summary>
    /// <param name="what">The operation and the rank.</param>
    /// <param name="shape">That of the group.</param>
    /// <param name="strands">The model's.</param>
    /// <param name="record">What the rank did.</param>
    /// <param name="links">Which queue pair is which connection.</param>
    public static List<string> Compare(
        string what,
        JacclShape shape,
        IReadOnlyList<WireStrand> strands,
        List<WireEvent> record,
        IReadOnlyDictionary<long, WireLink> links
    )
    {
        var check = new WireCheck(what, shape);
        check.Compare(strands, record, links);
        return check._wrong;
    }

    private void Compare(
        IReadOnlyList<WireStrand> strands,
        List<WireEvent> record,
        IReadOnlyDictionary<long, WireLink> links
    )
    {
        var requests = record.Where(each => each.IsPost || each.IsCompletion).ToList();
        foreach (var stranger in requests.Where(each => !links.ContainsKey(each.QueuePair)).Take(1))
        {
            Complain($"a queue pair that is none of the group's: {stranger}");
            return;
        }
        foreach (var strand in strands)
        {
            var mine = strand
                .Stages.SelectMany(stage => stage.Sends.Select(sends => sends.Link).Concat(stage.Receives))
                .ToHashSet();
            Strand(strand, [.. requests.Where(each => mine.Contains(links[each.QueuePair]))], links);
            requests.RemoveAll(each => mine.Contains(links[each.QueuePair]));
        }
        if (requests.Count > 0)
        {
            Complain($"{requests.Count} work requests and completions too many, the first: {requests[0]}");
        }
    }

    private void Strand(WireStrand strand, List<WireEvent> events, IReadOnlyDictionary<long, WireLink> links)
    {
        var next = 0;
        for (var number = 0; number < strand.Stages.Count; number++)
        {
            // So many posts and as many completions; whatever comes then belongs to the next.
            var stage = strand.Stages[number];
            var total = 2 * stage.Count * (stage.Sends.Count + stage.Receives.Count);
            var mine = events.Skip(next).Take(total).ToList();
            next += mine.Count;
            if (mine.Count < total)
            {
                Complain($"stage {number} has {mine.Count} posts and completions, expected are {total}");
                return;
            }
            Stage(stage, number, mine, links);
            if (_wrong.Count > 0)
            {
                return;
            }
        }
        if (next < events.Count)
        {
            Complain($"{events.Count - next} posts and completions after the last stage, the first: {events[next]}");
        }
    }

    private void Stage(WireStage stage, int number, List<WireEvent> events, IReadOnlyDictionary<long, WireLink> links)
    {
        var where = $"stage {number}: ";
        Start(stage, where, events, links);
        var (sent, received) = (new Dictionary<WireLink, int>(), new Dictionary<WireLink, int>());
        var (sentDone, receivedDone) = (new Dictionary<WireLink, int>(), new Dictionary<WireLink, int>());
        var sends = stage.Sends.ToDictionary(each => each.Link);
        foreach (var each in events)
        {
            var link = links[each.QueuePair];
            if (each.IsCompletion)
            {
                var isSend = each.IdType == 1;
                if (each.Number("status") != 0)
                {
                    Complain($"{where}a completion with an error: {each}");
                }
                if (!isSend && each.Number("byte_len") != stage.Length)
                {
                    Complain($"{where}{link}: {each.Number("byte_len")} bytes received, expected are {stage.Length}");
                }
                Identify(where, link, each, isSend, Count(isSend ? sentDone : receivedDone, link)++);
                continue;
            }
            var posted = each.IsSend ? Count(sent, link)++ : Count(received, link)++;
            if (posted >= stage.Count || (each.IsSend ? !sends.ContainsKey(link) : !stage.Receives.Contains(link)))
            {
                Complain($"{where}{link}: not expected is {each}");
                return;
            }
            if (each.Number("length") != stage.Length)
            {
                Complain(
                    $"{where}{link}: message {posted} has {each.Number("length")} bytes, expected are {stage.Length}"
                );
            }
            Identify(where, link, each, each.IsSend, posted);
            if (each.IsSend)
            {
                Content(where, link, posted, each, sends[link].First[posted]);
                // At most two outstanding, and in a shared buffer none that a peer has still to take.
                foreach (var before in stage.SharesSends ? [.. sends.Keys] : new[] { link })
                {
                    if (posted - 2 >= Count(sentDone, before))
                    {
                        Complain(
                            $"{where}{link}: send {posted} posted when send {posted - 2} to {before} had not ended"
                        );
                    }
                }
            }
            else
            {
                foreach (
                    var before in stage.InOrder ? stage.Receives.TakeWhile(other => other != link).Append(link) : [link]
                )
                {
                    if (posted - 2 >= Count(receivedDone, before))
                    {
                        Complain(
                            $"{where}{link}: receive {posted} posted when receive {posted - 2} from {before} had not "
                                + "ended"
                        );
                    }
                }
            }
        }
        foreach (
            var link in sends.Keys.Where(link =>
                Count(sent, link) != stage.Count || Count(sentDone, link) != stage.Count
            )
        )
        {
            Complain(
                $"{where}{link}: {Count(sent, link)} sends, {Count(sentDone, link)} of them ended, expected are "
                    + $"{stage.Count}"
            );
        }
        foreach (
            var link in stage.Receives.Where(link =>
                Count(received, link) != stage.Count || Count(receivedDone, link) != stage.Count
            )
        )
        {
            Complain(
                $"{where}{link}: {Count(received, link)} receives, {Count(receivedDone, link)} of them ended, expected "
                    + $"are {stage.Count}"
            );
        }
    }

    // Messages 0, then messages 1: the receives on all links, then the sends. (Section 6; a completion may be polled
    // meanwhile, but nothing is posted because of it.)
    private void Start(WireStage stage, string where, List<WireEvent> events, IReadOnlyDictionary<long, WireLink> links)
    {
        var expected = new List<string>();
        for (var message = 0; message < Math.Min(stage.Count, 2); message++)
        {
            expected.AddRange(stage.Receives.Select(link => $"receive on {link}"));
            expected.AddRange(stage.Sends.Select(sends => $"send on {sends.Link}"));
        }
        var actual = events
            .Where(each => each.IsPost)
            .Take(expected.Count)
            .Select(each => $"{(each.IsSend ? "send" : "receive")} on {links[each.QueuePair]}")
            .ToList();
        if (!actual.SequenceEqual(expected))
        {
            Complain($"{where}started with {string.Join(", ", actual)}; expected is {string.Join(", ", expected)}");
        }
    }

    private void Content(string where, WireLink link, int message, WireEvent each, byte[]? expected)
    {
        if (each.Number("opcode") != 2 || each.Number("flags") != 2)
        {
            Complain($"{where}{link}: not a SEND, or not signalled: {each}");
        }
        var first = Convert.FromHexString(each.Text("first"));
        if (expected is not null && !first.AsSpan(0, Math.Min(expected.Length, first.Length)).SequenceEqual(expected))
        {
            Complain(
                $"{where}{link}: message {message} begins with {Convert.ToHexString(first)}, expected is "
                    + $"{Convert.ToHexString(expected)}"
            );
        }
    }

    // type << 16 | buffer << 8 | peer, or direction (section 5)
    private void Identify(string where, WireLink link, WireEvent each, bool isSend, int message)
    {
        var last = link.Side switch
        {
            WireSide.Peer => link.Number,
            WireSide.Right => isSend ? 0 : 1,
            _ => isSend ? 1 : 0,
        };
        var expected = ((isSend ? 1 : 2) << 16) | (message % 2 << 8) | last;
        if (each.Number("wr_id") != expected)
        {
            Complain(
                $"{where}{link}: message {message} has the id 0x{each.Number("wr_id"):x}, expected is 0x{expected:x}"
            );
        }
    }

    private static ref int Count(Dictionary<WireLink, int> counts, WireLink link) =>
        ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(counts, link, out _);

    private void Complain(string what) =>
        _wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{_what}, {_shape}: {what}"));
}
