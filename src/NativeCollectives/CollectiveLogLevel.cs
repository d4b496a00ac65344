namespace NativeCollectives;

/// <summary>How important a progress message is.</summary>
public enum CollectiveLogLevel
{
    /// <summary>Details for whoever looks for a fault.</summary>
    Debug,

    /// <summary>The normal course of things: a group was formed.</summary>
    Information,

    /// <summary>Something that may not be as intended, but from which the library went on.</summary>
    Warning,

    /// <summary>A failure.</summary>
    Error,
}
