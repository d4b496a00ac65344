namespace NativeCollectives.Cli.Launch;

/// <summary>When prefixes are coloured.</summary>
internal enum ColorMode
{
    Auto,
    Always,
    Never,
}
