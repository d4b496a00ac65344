namespace NativeCollectives.Cli.Hosts;

/// <summary>Gives out the ports at which ranks listen.</summary>
internal interface IPorts
{
    /// <summary>The next one.</summary>
    /// <param name="address">The address at which it is listened.</param>
    int Next(string address);
}
