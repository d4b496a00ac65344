namespace NativeCollectives;

/// <summary>What operations return that make their output themselves.</summary>
internal static class Results
{
    /// <summary>An array for a result.</summary>
    internal static T[] NewArray<T>(string parameterName, long length)
        where T : unmanaged
    {
        _ = ElementType.Of<T>();
        return length <= Array.MaxLength
            ? GC.AllocateUninitializedArray<T>((int)length)
            : throw new ArgumentException(
                $"The result has {length} elements, more than an array can hold. A native buffer can take it.",
                parameterName
            );
    }

    /// <summary>A result that is there when an operation has ended.</summary>
    internal static async Task<TResult> After<TResult>(Task operation, TResult result)
    {
        await operation.ConfigureAwait(false);
        return result;
    }

    /// <summary>The first value of an array when an operation has ended.</summary>
    internal static async Task<T> FirstAfter<T>(Task operation, T[] values)
    {
        await operation.ConfigureAwait(false);
        return values[0];
    }

    /// <summary>The same at a root; elsewhere nothing.</summary>
    internal static async Task<T?> FirstAfter<T>(Task operation, T[] values, bool isRoot)
        where T : unmanaged
    {
        await operation.ConfigureAwait(false);
        return isRoot ? values[0] : null;
    }
}
