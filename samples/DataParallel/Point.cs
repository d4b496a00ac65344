namespace NativeCollectives.Samples.DataParallel;

/// <summary>A point of the plane and the spiral that it belongs to.</summary>
/// <param name="Position">x and y, about −1 to 1.</param>
/// <param name="Label">+1 or −1.</param>
internal sealed record Point(double[] Position, double Label);
