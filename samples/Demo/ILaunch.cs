namespace NativeCollectives.Demo;

/// <summary>How ranks on this machine find each other.</summary>
internal interface ILaunch : IDisposable
{
    /// <summary>The environment variables of a rank.</summary>
    IReadOnlyDictionary<string, string> Variables(int rank);
}
