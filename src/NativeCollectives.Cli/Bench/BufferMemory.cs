namespace NativeCollectives.Cli.Bench;

/// <summary>Where the operations' buffers lie.</summary>
internal enum BufferMemory
{
    Host,
    Device,
}
