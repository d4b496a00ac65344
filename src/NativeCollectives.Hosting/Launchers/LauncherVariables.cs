namespace NativeCollectives.Hosting;

/// <summary>
/// The environment variables of a process that launchers may have set, and what they say of NCCL together.
/// </summary>
/// <param name="lookUp">Returns a variable's value, or <see langword="null"/> if it is absent.</param>
internal sealed class LauncherVariables(Func<string, string?> lookUp)
{
    private readonly Lazy<NcclSelection> _nccl = new(() => NcclSelection.Of(new LaunchEnvironment(lookUp)));

    internal LaunchEnvironment Environment { get; } = new(lookUp);

    /// <summary>By which launcher NCCL's ranks meet.</summary>
    internal NcclSelection Nccl => _nccl.Value;

    /// <summary>A variable's value; <see langword="null"/> if it is absent.</summary>
    internal string? this[string variable] => lookUp(variable);
}
