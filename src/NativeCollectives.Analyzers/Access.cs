namespace NativeCollectives.Analyzers;

/// <summary>What is done with the elements of a buffer.</summary>
internal enum Access
{
    /// <summary>Nothing, or nobody can tell.</summary>
    None,

    /// <summary>They are read.</summary>
    Read,

    /// <summary>They are written.</summary>
    Write,

    /// <summary>They are read or written.</summary>
    Either,
}
