using System.Text;

namespace NativeCollectives.Cli.Launch;

/// <summary>
/// Variables whose values nobody else is to see: they are shown as ***, and do not stand in the arguments of ssh.
/// </summary>
internal static class Secrets
{
    private static readonly string[] _signs =
    [
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIAL",
        "KEY",
    ];

    /// <summary>Whether a variable's name says that its value is a secret.</summary>
    public static bool Is(string name) =>
        Array.Exists(_signs, sign => name.Contains(sign, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// A variable as a remote rank's script reads it from its standard input: on one line, which a POSIX shell's printf
    /// %b takes apart.
    /// </summary>
    public static string Line(string name, string value)
    {
        var line = new StringBuilder(name).Append('=');
        foreach (byte octet in Encoding.UTF8.GetBytes(value))
        {
            _ = char.IsAsciiLetterOrDigit((char)octet)
                ? line.Append((char)octet)
                : line.Append("\\0").Append(Convert.ToString(octet, 8).PadLeft(3, '0'));
        }

        return line.Append('\n').ToString();
    }
}
