namespace NativeCollectives;

/// <summary>
/// The operations of a group on native memory, by pointers: <see cref="DistributedGroup.Raw"/>. The element type is a
/// value, and lengths go beyond those of spans.
/// </summary>
/// <remarks>The memory must stay where it is until the operation has ended; nothing is pinned here.</remarks>
public readonly unsafe partial struct RawCollectives
{
    private readonly DistributedGroup _group;

    internal RawCollectives(DistributedGroup group) => _group = group;
}
