namespace NativeCollectives.Cli.Launch;

/// <summary>Which ranks get the tool's standard input.</summary>
internal enum InputTarget
{
    RankZero,
    All,
    None,
}
