namespace NativeCollectives.Cli.Bench;

/// <summary>How JACCL joins its ranks.</summary>
internal enum VerbsTopology
{
    Mesh,
    Ring,
}
