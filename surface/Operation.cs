namespace NativeCollectives.Surface;

/// <summary>What a rank's buffer holds.</summary>
internal enum Block
{
    /// <summary>There is no such buffer.</summary>
    Nothing,

    /// <summary>Input and output are one buffer.</summary>
    Same,

    /// <summary>One block.</summary>
    One,

    /// <summary>A block for each rank.</summary>
    All,

    /// <summary>One block; on other ranks than the root it is not used.</summary>
    OneAtRoot,

    /// <summary>A block for each rank; on other ranks than the root it is not used.</summary>
    AllAtRoot,
}

/// <summary>The forms that an operation has besides that on an input and an output.</summary>
[Flags]
internal enum Form
{
    /// <summary>One buffer that is read and written.</summary>
    InPlace = 1,

    /// <summary>Blocks of different lengths.</summary>
    Uneven = 2,

    /// <summary>The output as the method's result: an array, a tensor.</summary>
    Result = 4,

    /// <summary>A single value instead of a buffer.</summary>
    Value = 8,

    /// <summary>An operator of the program's own.</summary>
    Function = 16,

    /// <summary>With a tag.</summary>
    Tagged = 32,

    /// <summary>In a batch.</summary>
    InBatch = 64,

    /// <summary>A send and a receive at once.</summary>
    Exchange = 128,
}

/// <summary>A row of the table.</summary>
/// <param name="Name">The methods' name.</param>
/// <param name="Input">What a rank gives.</param>
/// <param name="Output">What a rank gets.</param>
/// <param name="Peer">The name of the parameter that is another rank; null: there is none.</param>
/// <param name="Reduces">Whether elements are combined.</param>
/// <param name="Forms">The forms.</param>
internal sealed record Operation(string Name, Block Input, Block Output, string? Peer, bool Reduces, Form Forms)
{
    internal bool Has(Form form) => (Forms & form) != 0;

    /// <summary>Whether one parameter is both buffers, or the only one.</summary>
    internal bool HasOneBuffer => Input is Block.Same or Block.Nothing || Output == Block.Nothing;

    internal bool GivesAll => Input is Block.All or Block.AllAtRoot;

    internal bool GetsAll => Output is Block.All or Block.AllAtRoot;

    internal bool GivesAtRoot => Input == Block.AllAtRoot;

    internal bool GetsAtRoot => Output is Block.OneAtRoot or Block.AllAtRoot;
}

/// <summary>Another name for a reduction by one operator.</summary>
/// <param name="Name">The name.</param>
/// <param name="Of">The operation.</param>
/// <param name="Op">The operator.</param>
/// <param name="Summary">What it does.</param>
internal sealed record Alias(string Name, string Of, string Op, string Summary);
