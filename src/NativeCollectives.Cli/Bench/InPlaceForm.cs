namespace NativeCollectives.Cli.Bench;

/// <summary>How an operation shares memory between a rank's input and output, if it is to work in place.</summary>
internal enum InPlaceForm
{
    /// <summary>It cannot.</summary>
    None,

    /// <summary>Input and output are one buffer.</summary>
    Same,

    /// <summary>The same, and the operation has no other form.</summary>
    Always,

    /// <summary>The input is the own block of the output.</summary>
    InputInOutput,

    /// <summary>The output is the own block of the input.</summary>
    OutputInInput,
}
