namespace NativeCollectives.Hosting;

/// <summary>What a rank says in a round.</summary>
internal enum RoundWord : byte
{
    /// <summary>The publisher has nothing to publish.</summary>
    Idle = 1,

    /// <summary>The publisher has a message.</summary>
    Message = 2,

    /// <summary>The publisher has no more messages.</summary>
    Complete = 3,

    /// <summary>A consumer has room for a message.</summary>
    Ready = 4,

    /// <summary>A consumer has no room.</summary>
    Full = 5,

    /// <summary>A rank has failed, or leaves before the end, for a reason.</summary>
    Failed = 6,
}
