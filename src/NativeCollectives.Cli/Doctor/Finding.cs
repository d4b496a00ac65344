namespace NativeCollectives.Cli.Doctor;

/// <summary>Something that is wrong.</summary>
/// <param name="Where">What it is wrong with, such as <c>link 0 → 1</c> or <c>rank 2</c>.</param>
/// <param name="Message">What is wrong: a sentence without a full stop.</param>
internal sealed record Finding(string Where, string Message);
