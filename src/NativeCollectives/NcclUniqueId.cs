using System.Diagnostics.CodeAnalysis;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>
/// What the ranks of one NCCL group have in common: the process of rank 0 creates it, and the program brings it to the
/// others.
/// </summary>
/// <remarks>NCCL's <c>ncclUniqueId</c>. Each id makes one group.</remarks>
public sealed class NcclUniqueId : IEquatable<NcclUniqueId>
{
    /// <summary>Bytes of an id.</summary>
    public const int Size = NativeMethods.NC_ID_SIZE;

    private readonly byte[] _bytes;

    /// <summary>The id of some bytes.</summary>
    /// <param name="bytes">The bytes, <see cref="Size"/> of them.</param>
    /// <exception cref="ArgumentException">There are not <see cref="Size"/> bytes.</exception>
    public NcclUniqueId(ReadOnlySpan<byte> bytes)
    {
        Check.Length(nameof(bytes), bytes.Length, Size, "the size of NCCL's id");
        _bytes = bytes.ToArray();
    }

    /// <summary>Creates an id, which the process of rank 0 must do.</summary>
    /// <param name="options">
    /// Where the libraries are; <see langword="null"/>: they are looked for. Nothing else of it counts.
    /// </param>
    /// <returns>The id.</returns>
    /// <exception cref="ArgumentException">A library's path is impossible.</exception>
    /// <exception cref="BackendUnavailableException">NCCL cannot be used on this machine.</exception>
    /// <exception cref="CollectiveException">NCCL failed.</exception>
    /// <remarks>NCCL's <c>ncclGetUniqueId</c>.</remarks>
    public static NcclUniqueId Create(NcclOptions? options = null) => Create(NcclConfiguration.Libraries(options));

    internal static unsafe NcclUniqueId Create(IReadOnlyList<KeyValuePair<string, string>> libraries)
    {
        NativeCore.Require();
        using var strings = new NativeStrings();
        var error = new nc_error { size = (uint)sizeof(nc_error) };
        byte* id = stackalloc byte[Size];
        nc_status status = NativeMethods.nc_backend_create_id(
            strings.Add(NcclConfiguration.Name),
            strings.Add(libraries),
            (ulong)libraries.Count,
            id,
            &error
        );
        return status == nc_status.NC_OK
            ? new NcclUniqueId(new ReadOnlySpan<byte>(id, Size))
            : throw CollectiveErrors.Describe(&error, NcclConfiguration.Name, -1);
    }

    /// <summary>Reads the id that <see cref="ToString"/> has written.</summary>
    /// <param name="text">Hexadecimal digits, two for each byte.</param>
    /// <returns>The id.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="text"/> is <see langword="null"/>.</exception>
    /// <exception cref="FormatException">It is no id.</exception>
    public static NcclUniqueId Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out NcclUniqueId? id)
            ? id
            : throw new FormatException($"An id of NCCL has {2 * Size} hexadecimal digits and nothing else.");
    }

    /// <summary>Reads the id that <see cref="ToString"/> has written, if the text is one.</summary>
    /// <param name="text">Hexadecimal digits, two for each byte.</param>
    /// <param name="id">The id; <see langword="null"/> if the text is none.</param>
    /// <returns>Whether the text is an id.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out NcclUniqueId? id)
    {
        bool isId = text is { Length: 2 * Size } && text.All(char.IsAsciiHexDigit);
        id = isId ? new NcclUniqueId(Convert.FromHexString(text!)) : null;
        return isId;
    }

    /// <summary>The bytes.</summary>
    /// <returns>A new array of <see cref="Size"/> bytes.</returns>
    public byte[] ToArray() => [.. _bytes];

    /// <summary>Copies the bytes.</summary>
    /// <param name="destination">Where they go: at least <see cref="Size"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public void CopyTo(Span<byte> destination) => _bytes.CopyTo(destination);

    /// <summary>Whether two ids are the same.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>Whether all bytes are equal.</returns>
    public bool Equals([NotNullWhen(true)] NcclUniqueId? other) =>
        other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as NcclUniqueId);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>The bytes as lower-case hexadecimal digits, which <see cref="Parse"/> reads.</summary>
    /// <returns>The digits, two for each byte.</returns>
    public override string ToString() => Convert.ToHexStringLower(_bytes);

    /// <summary>Whether two ids are the same.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether all bytes are equal, or both are <see langword="null"/>.</returns>
    public static bool operator ==(NcclUniqueId? left, NcclUniqueId? right) =>
        left is null ? right is null : left.Equals(right);

    /// <summary>Whether two ids differ.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether a byte differs, or one is <see langword="null"/>.</returns>
    public static bool operator !=(NcclUniqueId? left, NcclUniqueId? right) => !(left == right);
}
