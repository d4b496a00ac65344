using Microsoft.Extensions.Configuration;

namespace NativeCollectives.Hosting;

/// <summary>Adds what launchers have put into the environment to a configuration.</summary>
public static class LauncherConfigurationExtensions
{
    // Lowest precedence first.
    private static readonly Func<LauncherVariables, LauncherConfigurationProvider>[] _launchers =
    [
        static variables => new RankConfigurationProvider(variables, KnownLauncher.Pmi, precedence: 1),
        static variables => new RankConfigurationProvider(variables, KnownLauncher.Pmix, precedence: 2),
        static variables => new RankConfigurationProvider(variables, KnownLauncher.OpenMpi, precedence: 3),
        static variables => new SlurmConfigurationProvider(variables),
        static variables => new TorchrunConfigurationProvider(variables),
        static variables => new MistralConfigurationProvider(variables),
        static variables => new NcclConfigurationProvider(variables),
        static variables => new MlxConfigurationProvider(variables),
        static variables => new OwnConfigurationProvider(variables),
    ];

    /// <summary>
    /// Adds sources that map <c>NC_BACKEND</c> and the variables of MLX, NCCL, mistral.rs, torchrun, Slurm, Open MPI,
    /// PMIx and PMI onto the section <c>NativeCollectives</c>. They
    /// come before every other source, so that whatever else is configured wins over them; among themselves the first
    /// in that order wins.
    /// </summary>
    /// <param name="builder">The configuration.</param>
    /// <param name="variables">
    /// Returns a variable's value, or <see langword="null"/> if it is absent; <see langword="null"/>: the environment
    /// of this process.
    /// </param>
    /// <returns>The configuration.</returns>
    /// <remarks>
    /// Who forms a group by <c>AddDistributedGroup</c> need not call it: a configuration without these sources is read
    /// as if it had them. Malformed variables are found when the settings are read.
    /// </remarks>
    public static IConfigurationBuilder AddLauncherEnvironment(
        this IConfigurationBuilder builder,
        Func<string, string?>? variables = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        var shared = new LauncherVariables(variables ?? Environment.GetEnvironmentVariable);
        for (int index = 0; index < _launchers.Length; index++)
        {
            builder.Sources.Insert(index, new LauncherConfigurationSource(shared, _launchers[index]));
        }

        return builder;
    }
}

/// <summary>One launcher's variables as a source of configuration.</summary>
/// <param name="variables">The variables.</param>
/// <param name="create">Makes the launcher's provider.</param>
internal sealed class LauncherConfigurationSource(
    LauncherVariables variables,
    Func<LauncherVariables, LauncherConfigurationProvider> create
) : IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => create(variables);
}
