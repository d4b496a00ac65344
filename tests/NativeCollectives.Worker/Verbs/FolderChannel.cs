using System.Globalization;

namespace NativeCollectives.Worker;

/// <summary>A side channel of files: each rank writes its bytes into one, and reads those of all.</summary>
internal sealed class FolderChannel(string folder, string? fault)
{
    private int _exchange;

    public async Task<byte[]> Gather(int rank, int size, ReadOnlyMemory<byte> own, CancellationToken cancellationToken)
    {
        var exchange = _exchange++;
        switch (
            fault?.Split('@') is [var what, var at] && int.Parse(at, CultureInfo.InvariantCulture) == exchange
                ? what
                : ""
        )
        {
            case "throw":
                throw new IOException("the side channel of the test is broken");
            case "short":
                return new byte[(own.Length * size) - 1];
            case "never":
                await Task.Delay(Timeout.Infinite, cancellationToken);
                break;
        }
        var path = PathOf(exchange, rank);
        // Whole or not at all.
        await File.WriteAllBytesAsync(path + ".part", own.ToArray(), cancellationToken);
        File.Move(path + ".part", path);
        var all = new List<byte>();
        for (var peer = 0; peer < size; peer++)
        {
            while (!File.Exists(PathOf(exchange, peer)))
            {
                await Task.Delay(2, cancellationToken); // the pause of a question that is asked again
            }
            all.AddRange(await File.ReadAllBytesAsync(PathOf(exchange, peer), cancellationToken));
        }
        return [.. all];
    }

    private string PathOf(int exchange, int rank) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{exchange}-{rank}"));
}
