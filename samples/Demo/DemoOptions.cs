using System.Globalization;

namespace NativeCollectives.Demo;

/// <summary>What the user asks for.</summary>
/// <param name="UsesRdma">
/// The ranks form a group of JACCL's, over RDMA verbs in software; otherwise a ring over TCP.
/// </param>
/// <param name="PrefersRing">JACCL's ranks form a ring instead of a mesh.</param>
/// <param name="Ranks">How many.</param>
internal sealed record DemoOptions(bool UsesRdma, bool PrefersRing, int Ranks)
{
    public const string Usage =
        "Demo [--backend=ring] [--ranks=2...8]    or    Demo --backend=jaccl [--ring] [--ranks=2...8]";

    /// <summary><see langword="null"/>: that makes no sense.</summary>
    public static DemoOptions? Parse(IEnumerable<string> arguments)
    {
        var options = new DemoOptions(UsesRdma: false, PrefersRing: false, Ranks: 4);
        foreach (var argument in arguments)
        {
            var (name, value) = argument.Split('=', 2) switch
            {
                [var left, var right] => (left, right),
                _ => (argument, ""),
            };
            switch (name, value)
            {
                case ("--backend", "ring" or "jaccl"):
                    options = options with { UsesRdma = value == "jaccl" };
                    break;
                case ("--ring", ""):
                    options = options with { PrefersRing = true };
                    break;
                case ("--ranks", _)
                    when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var ranks)
                        && ranks is >= 2 and <= 8:
                    options = options with { Ranks = ranks };
                    break;
                default:
                    return null;
            }
        }
        return options.PrefersRing && !options.UsesRdma ? null : options;
    }
}
