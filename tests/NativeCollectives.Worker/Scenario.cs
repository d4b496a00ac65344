using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>What a scenario sees: this rank of a group, and a way to answer.</summary>
internal sealed class Scenario(
    DistributedGroup group,
    Command command,
    Dictionary<string, string> data,
    Action announce
)
{
    public DistributedGroup Group { get; } = group;
    public int Rank { get; } = group.Rank;
    public int Size { get; } = group.Size;
    public Command Command { get; } = command;
    public Dictionary<string, string> Data { get; } = data;

    /// <summary>Tells the test that the scenario has come so far.</summary>
    public void Announce() => announce();

    /// <summary>Bit for bit.</summary>
    public static void Same<T>(ReadOnlySpan<T> actual, ReadOnlySpan<T> expected, string what)
        where T : unmanaged
    {
        if (!MemoryMarshal.AsBytes(actual).SequenceEqual(MemoryMarshal.AsBytes(expected)))
        {
            var length = Math.Min(actual.Length, expected.Length);
            var at = 0;
            while (
                at < length
                && MemoryMarshal
                    .AsBytes(actual.Slice(at, 1))
                    .SequenceEqual(MemoryMarshal.AsBytes(expected.Slice(at, 1)))
            )
            {
                at++;
            }
            throw new ScenarioException(
                at < length
                    ? $"{what}: element {at} of {actual.Length} is {actual[at]}, expected is {expected[at]}"
                    : $"{what}: {actual.Length} elements, expected are {expected.Length}"
            );
        }
    }

    /// <summary>Bit for bit, with equal shapes.</summary>
    public static void Same<T>(Tensor<T> actual, Tensor<T> expected, string what)
        where T : unmanaged
    {
        if (!actual.Lengths.SequenceEqual(expected.Lengths))
        {
            throw new ScenarioException(
                $"{what}: shape [{string.Join(',', actual.Lengths.ToArray())}], expected is "
                    + $"[{string.Join(',', expected.Lengths.ToArray())}]"
            );
        }
        Same<T>(Flat(actual), Flat(expected), what);
    }

    public static void True(bool condition, string what)
    {
        if (!condition)
        {
            throw new ScenarioException(what);
        }
    }

    public static TException Throws<TException>(Action action, string what)
        where TException : Exception
    {
        try
        {
            action();
        }
        catch (TException exception)
        {
            return exception;
        }
        throw new ScenarioException($"{what}: no {typeof(TException).Name}");
    }

    private static T[] Flat<T>(Tensor<T> tensor)
    {
        var flat = new T[tensor.FlattenedLength];
        tensor.FlattenTo(flat);
        return flat;
    }
}

/// <summary>A scenario did not go as it should.</summary>
internal sealed class ScenarioException(string message) : Exception(message);
