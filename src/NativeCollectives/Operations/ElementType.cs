namespace NativeCollectives;

/// <summary>The element types that groups can move.</summary>
internal static class ElementType
{
    private const string Supported =
        "bool, sbyte, short, int, long, byte, ushort, uint, ulong, Half, BFloat16, float, double and Complex64";

    /// <summary>The native type of <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    internal static CollectiveDataType Of<T>()
        where T : unmanaged
    {
        // Decided when the code is compiled for T.
        if (typeof(T) == typeof(float))
        {
            return CollectiveDataType.Float32;
        }

        if (typeof(T) == typeof(BFloat16))
        {
            return CollectiveDataType.BFloat16;
        }

        if (typeof(T) == typeof(Half))
        {
            return CollectiveDataType.Float16;
        }

        if (typeof(T) == typeof(double))
        {
            return CollectiveDataType.Float64;
        }

        if (typeof(T) == typeof(Complex64))
        {
            return CollectiveDataType.Complex64;
        }

        if (typeof(T) == typeof(bool))
        {
            return CollectiveDataType.Boolean;
        }

        if (typeof(T) == typeof(sbyte))
        {
            return CollectiveDataType.Int8;
        }

        if (typeof(T) == typeof(short))
        {
            return CollectiveDataType.Int16;
        }

        if (typeof(T) == typeof(int))
        {
            return CollectiveDataType.Int32;
        }

        if (typeof(T) == typeof(long))
        {
            return CollectiveDataType.Int64;
        }

        if (typeof(T) == typeof(byte))
        {
            return CollectiveDataType.UInt8;
        }

        if (typeof(T) == typeof(ushort))
        {
            return CollectiveDataType.UInt16;
        }

        if (typeof(T) == typeof(uint))
        {
            return CollectiveDataType.UInt32;
        }

        if (typeof(T) == typeof(ulong))
        {
            return CollectiveDataType.UInt64;
        }

        throw new ArgumentException(
            $"{typeof(T)} is not an element type that a group can move. Those are {Supported}.",
            nameof(T)
        );
    }

    /// <summary>Bytes of one element.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no element type.</exception>
    internal static int SizeOf(CollectiveDataType type) =>
        type switch
        {
            CollectiveDataType.Boolean or CollectiveDataType.Int8 or CollectiveDataType.UInt8 => 1,
            CollectiveDataType.Int16
            or CollectiveDataType.UInt16
            or CollectiveDataType.Float16
            or CollectiveDataType.BFloat16 => 2,
            CollectiveDataType.Int32 or CollectiveDataType.UInt32 or CollectiveDataType.Float32 => 4,
            CollectiveDataType.Int64
            or CollectiveDataType.UInt64
            or CollectiveDataType.Float64
            or CollectiveDataType.Complex64 => 8,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "This is not an element type."),
        };
}
