using System.Text;
using NativeCollectives.Cli.Launch;

namespace NativeCollectives.Tests.Tool;

/// <summary>What becomes of a rank's output on its way to the tool's.</summary>
[Category("Unit")]
public sealed class LaunchOutputTests
{
    private readonly List<string> _writes = [];
    private readonly Stream _stream;

    public LaunchOutputTests() => _stream = new Stream(_writes);

    private string All => string.Concat(_writes);

    [SetUp]
    public void Forget() => _writes.Clear();

    [Test]
    public void LinesArePrefixedAndWhole()
    {
        var output = Output("[1] ");
        output.Append("a\nb"u8);
        Assert.That(_writes, Is.EqualTo(new[] { "[1] a\n" }));
        output.Append("c"u8);
        output.Append("\n\nd\ne"u8);
        Assert.That(_writes.Skip(1), Is.EqualTo(new[] { "[1] bc\n[1] \n[1] d\n" }));
        output.End();
        Assert.That(All, Is.EqualTo("[1] a\n[1] bc\n[1] \n[1] d\n[1] e\n"));
    }

    [Test]
    public void RawLinesAreWholeAndUnchanged()
    {
        var output = Output("");
        output.Append("a\nb"u8);
        output.Append("c\n"u8);
        output.Append("d"u8);
        Assert.That(_writes, Is.EqualTo(new[] { "a\n", "bc\n" }));
        output.End();
        Assert.That(All, Is.EqualTo("a\nbc\nd"));
    }

    [Test]
    public void TheOnlyRankWritesAtOnce()
    {
        Output("", isAlone: true).Append("Name? "u8);
        Assert.That(All, Is.EqualTo("Name? "));
    }

    [TestCase("")]
    [TestCase("[0] ")]
    public void AnEndlessLineGoesOutInPieces(string prefix)
    {
        var output = Output(prefix);
        var piece = new byte[100_000];
        Array.Fill(piece, (byte)'x');
        for (var i = 0; i < 25; i++)
        {
            output.Append(piece);
        }

        Assert.That(All, Has.Length.GreaterThan(2_500_000 - RankOutput.LongestLine - 10));
        output.End();
        Assert.That(All.Count(letter => letter == 'x'), Is.EqualTo(2_500_000));
        Assert.That(All.Count(letter => letter == '\n'), Is.EqualTo(prefix.Length == 0 ? 0 : 3));
    }

    [Test]
    public void WholePiecesOfTheGreatestLengthKeepTheirBytes()
    {
        var output = Output("> ");
        var line = new byte[RankOutput.LongestLine];
        Array.Fill(line, (byte)'y');
        output.Append(line);
        output.Append("\nz\n"u8);
        output.End();
        Assert.That(
            All.Split('\n').Select(text => text.Length),
            Is.EqualTo(new[] { RankOutput.LongestLine + 2, 2, 3, 0 })
        );
    }

    [TestCase(true, null, "Auto", "", "xterm", "\e[36m[ 0]\e[0m ")]
    [TestCase(true, null, "Auto", "1", "xterm", "[ 0] ")]
    [TestCase(true, null, "Auto", "", "dumb", "[ 0] ")]
    [TestCase(true, false, "Always", "", "xterm", "")]
    [TestCase(false, null, "Auto", "", "xterm", "")]
    [TestCase(false, true, "Auto", "", "xterm", "[ 0] ")]
    [TestCase(false, true, "Always", "1", "xterm", "\e[36m[ 0]\e[0m ")]
    public void PrefixAndColorAreThoseOfTheTerminalUnlessAskedFor(
        bool isTerminal,
        bool? isPrefixed,
        string color,
        string noColor,
        string term,
        string expected
    )
    {
        var options = new LaunchOptions { IsPrefixed = isPrefixed, Color = Enum.Parse<ColorMode>(color) };
        var settings = OutputSettings.Of(options, isTerminal, name => name == "NO_COLOR" ? noColor : term);
        Assert.That(settings.Prefix(0, 11), Is.EqualTo(expected));
    }

    /// <summary>
    /// A question, or a progress bar: shown after a while, and gone on with; what others write ends it.
    /// </summary>
    [Test]
    public void AnUnfinishedLineIsShownAfterAWhile()
    {
        var output = Output("[1] ");
        var other = Output("[2] ");
        output.Append("10%"u8);
        output.ShowUnfinished();
        Assert.That(All, Is.Empty, "more may come at once");
        output.ShowUnfinished();
        Assert.That(All, Is.EqualTo("[1] 10%"));
        output.Append(" 20%"u8);
        output.ShowUnfinished();
        output.ShowUnfinished();
        Assert.That(All, Is.EqualTo("[1] 10% 20%"));
        output.Append(" done\nnext\n"u8);
        Assert.That(All, Is.EqualTo("[1] 10% 20% done\n[1] next\n"));
        output.Append("1"u8);
        output.ShowUnfinished();
        output.ShowUnfinished();
        other.Append("x\n"u8);
        output.Append("2\n"u8);
        Assert.That(All, Is.EqualTo("[1] 10% 20% done\n[1] next\n[1] 1\n[2] x\n[1] 2\n"));
    }

    private RankOutput Output(string prefix, bool isAlone = false) => new(_stream, prefix, isAlone);

    /// <summary>As the tool's, with a list in place of a descriptor.</summary>
    private sealed class Stream(List<string> writes) : ILineStream
    {
        private RankOutput? _unfinished;

        public void Write(RankOutput output, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> bytes, bool isUnfinished)
        {
            var goesOn = _unfinished == output;
            var end = _unfinished is null || goesOn ? "" : "\n";
            writes.Add((goesOn ? "" : end + Encoding.UTF8.GetString(prefix)) + Encoding.UTF8.GetString(bytes));
            _unfinished = isUnfinished ? output : null;
        }

        public bool IsUnfinished(RankOutput output) => _unfinished == output;
    }
}
