using System.Numerics;
using System.Runtime.InteropServices;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// Elements of all types as complex numbers of two doubles, which hold every value that the benchmark uses exactly.
/// </summary>
internal static class ElementCodec
{
    /// <summary>The value of an element.</summary>
    public static Complex Read(CollectiveDataType type, ReadOnlySpan<byte> element) =>
        type switch
        {
            CollectiveDataType.Boolean or CollectiveDataType.UInt8 => element[0],
            CollectiveDataType.Int8 => (sbyte)element[0],
            CollectiveDataType.Int16 => MemoryMarshal.Read<short>(element),
            CollectiveDataType.Int32 => MemoryMarshal.Read<int>(element),
            CollectiveDataType.Int64 => MemoryMarshal.Read<long>(element),
            CollectiveDataType.UInt16 => MemoryMarshal.Read<ushort>(element),
            CollectiveDataType.UInt32 => MemoryMarshal.Read<uint>(element),
            CollectiveDataType.UInt64 => MemoryMarshal.Read<ulong>(element),
            CollectiveDataType.Float16 => (double)MemoryMarshal.Read<Half>(element),
            CollectiveDataType.BFloat16 => (double)MemoryMarshal.Read<BFloat16>(element),
            CollectiveDataType.Float32 => MemoryMarshal.Read<float>(element),
            CollectiveDataType.Float64 => MemoryMarshal.Read<double>(element),
            CollectiveDataType.Complex64 => MemoryMarshal.Read<Complex64>(element),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "This is not an element type."),
        };

    /// <summary>Makes an element of a value that its type can hold.</summary>
    public static void Write(CollectiveDataType type, Span<byte> element, Complex value)
    {
        double real = value.Real;
        switch (type)
        {
            case CollectiveDataType.Boolean or CollectiveDataType.UInt8:
                element[0] = (byte)real;
                break;
            case CollectiveDataType.Int8:
                element[0] = (byte)(sbyte)real;
                break;
            case CollectiveDataType.Int16:
                Put(element, (short)real);
                break;
            case CollectiveDataType.Int32:
                Put(element, (int)real);
                break;
            case CollectiveDataType.Int64:
                Put(element, (long)real);
                break;
            case CollectiveDataType.UInt16:
                Put(element, (ushort)real);
                break;
            case CollectiveDataType.UInt32:
                Put(element, (uint)real);
                break;
            case CollectiveDataType.UInt64:
                Put(element, (ulong)real);
                break;
            case CollectiveDataType.Float16:
                Put(element, (Half)real);
                break;
            case CollectiveDataType.BFloat16:
                Put(element, (BFloat16)real);
                break;
            case CollectiveDataType.Float32:
                Put(element, (float)real);
                break;
            case CollectiveDataType.Float64:
                Put(element, real);
                break;
            case CollectiveDataType.Complex64:
                Put(element, (Complex64)value);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "This is not an element type.");
        }
    }

    private static void Put<T>(Span<byte> element, T value)
        where T : unmanaged => MemoryMarshal.Write(element, in value);
}
