using System.Text;

namespace NativeCollectives.Cli.Topology;

/// <summary>The hosts and cables as a graph for Graphviz.</summary>
internal static class DotGraph
{
    /// <summary>
    /// Hosts are nodes a, b, c, …, labelled with their names; each cable is one edge, labelled with the interfaces at
    /// its ends.
    /// </summary>
    public static string Of(Connectivity connectivity)
    {
        var text = new StringBuilder("graph G {\n  node [shape=rectangle];\n");
        for (var host = 0; host < connectivity.Size; host++)
        {
            text.Append($"  {Name(host)} [label={Quoted(connectivity.Hosts[host])}];\n");
        }

        foreach (Cable cable in connectivity.Cables)
        {
            text.Append(
                $"  {Name(cable.A.Host)} -- {Name(cable.B.Host)} "
                    + $"[label={Quoted($"{cable.A.Interface}/{cable.B.Interface}")}];\n"
            );
        }

        return text.Append("}\n").ToString();
    }

    private static string Name(int host) =>
        host < 26 ? $"{(char)('a' + host)}" : $"{(char)('a' + (host % 26))}{host / 26}";

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";
}
