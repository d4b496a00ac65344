namespace NativeCollectives;

/// <summary>The backends' names, which are those of MLX and of the native libraries.</summary>
internal static class BackendNames
{
    /// <summary>The order in which <see cref="BackendKind.Any"/> looks for a backend: MLX's.</summary>
    internal static readonly BackendKind[] InOrder = [BackendKind.Nccl, BackendKind.Ring, BackendKind.Jaccl];

    /// <summary>The backend of a native group, which calls itself <c>self</c> if it has none.</summary>
    internal static BackendKind Find(string name) =>
        Array.Find(InOrder, backend => Of(backend) == name) is var found && Of(found) == name
            ? found
            : BackendKind.None;

    internal static string Of(BackendKind backend) =>
        backend switch
        {
            BackendKind.Any => "any",
            BackendKind.Ring => "ring",
            BackendKind.Jaccl => "jaccl",
            BackendKind.Nccl => "nccl",
            BackendKind.None => "none",
            _ => throw new ArgumentOutOfRangeException(nameof(backend), backend, "This is not a backend."),
        };
}
