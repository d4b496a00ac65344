namespace NativeCollectives;

/// <summary>
/// The element types that groups can move, for operations on native buffers. Elements lie in the byte order of the
/// host.
/// </summary>
public enum CollectiveDataType
{
    /// <summary><see cref="bool"/>: one byte, 0 or 1.</summary>
    Boolean,

    /// <summary><see cref="sbyte"/>.</summary>
    Int8,

    /// <summary><see cref="short"/>.</summary>
    Int16,

    /// <summary><see cref="int"/>.</summary>
    Int32,

    /// <summary><see cref="long"/>.</summary>
    Int64,

    /// <summary><see cref="byte"/>.</summary>
    UInt8,

    /// <summary><see cref="ushort"/>.</summary>
    UInt16,

    /// <summary><see cref="uint"/>.</summary>
    UInt32,

    /// <summary><see cref="ulong"/>.</summary>
    UInt64,

    /// <summary><see cref="Half"/>: IEEE 754 binary16.</summary>
    Float16,

    /// <summary><see cref="NativeCollectives.BFloat16"/>: the upper half of a binary32.</summary>
    BFloat16,

    /// <summary><see cref="float"/>: IEEE 754 binary32.</summary>
    Float32,

    /// <summary><see cref="double"/>: IEEE 754 binary64.</summary>
    Float64,

    /// <summary><see cref="NativeCollectives.Complex64"/>: two binary32, the real part first.</summary>
    Complex64,
}
