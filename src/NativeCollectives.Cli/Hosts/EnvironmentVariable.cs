namespace NativeCollectives.Cli.Hosts;

/// <summary>A variable as hostfiles and options give it: NAME=VALUE.</summary>
internal static class EnvironmentVariable
{
    /// <summary>What one must look like, for the errors.</summary>
    public const string Expected =
        "NAME=VALUE, with a NAME of letters, digits and underscores that does not begin with a digit";

    /// <summary>Whether it has a name that every shell takes; the value may be anything but NUL, also empty.</summary>
    public static bool IsWellFormed(string variable)
    {
        var end = variable.IndexOf('=');
        return end > 0
            && !char.IsAsciiDigit(variable[0])
            && variable[..end].All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_')
            && !variable.Contains('\0');
    }

    /// <summary>As a message can show it: without its value, which may be a secret.</summary>
    public static string Shown(string variable) =>
        variable.IndexOf('=') is >= 0 and var end ? $"{Cli.Shown.Text(variable[..end])}=***" : Cli.Shown.Text(variable);

    public static KeyValuePair<string, string> Parse(string variable)
    {
        var end = variable.IndexOf('=');
        return new KeyValuePair<string, string>(variable[..end], variable[(end + 1)..]);
    }
}
