using System.Text;

namespace NativeCollectives;

/// <summary>
/// Reads files that configure a group. What is named to be read may be anything, a pipe or a device too, so that
/// reading is bounded in bytes and in time, as in the native library.
/// </summary>
internal static class SmallFile
{
    /// <summary>No file that configures a group is larger.</summary>
    internal const int MaxBytes = 16 << 20;

    // What forming a group may take by default; where files are read in C#, no other limit is known yet.
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    /// <summary>The text of a file, which is UTF-8 unless it begins with another byte order mark.</summary>
    /// <exception cref="IOException">It cannot be read, is too large, or did not end in time.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a folder.</exception>
    internal static string ReadText(string path, TimeSpan? limit = null)
    {
        var bytes = new MemoryStream(ReadBytes(path, limit));
        using var reader = new StreamReader(bytes, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }

    /// <summary>The bytes of a file, or of a pipe up to its end. A pipe that ends without a byte is an error: whoever
    /// was to write it has failed.</summary>
    /// <exception cref="IOException">It cannot be read, is too large, or did not end in time.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a folder.</exception>
    internal static byte[] ReadBytes(string path, TimeSpan? limit = null)
    {
        // Opening a pipe waits for its writer, and nothing can interrupt it: a thread of its own does, and is left
        // behind at the deadline.
        Task<byte[]> reading = Task.Factory.StartNew(
            () => ReadToEnd(path),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
        TimeSpan time = limit ?? _limit;
        return Task.WaitAny([reading], time) == 0
            ? reading.GetAwaiter().GetResult()
            : throw new IOException($"It had not ended after {time.TotalSeconds:0.###} s.");
    }

    private static byte[] ReadToEnd(string path)
    {
        const FileShare AnyShare = FileShare.ReadWrite | FileShare.Delete;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, AnyShare, bufferSize: 0);
        if (stream.CanSeek && stream.Length > MaxBytes)
        {
            throw TooLarge();
        }

        var content = new MemoryStream();
        byte[] chunk = new byte[16384];
        while (stream.Read(chunk) is > 0 and var count)
        {
            if (content.Length + count > MaxBytes)
            {
                throw TooLarge();
            }

            content.Write(chunk, 0, count);
        }

        return content.Length > 0 || stream.CanSeek
            ? content.ToArray()
            : throw new IOException("It is a pipe that was closed before anything was written to it.");
    }

    private static IOException TooLarge() => new($"It is larger than {MaxBytes >> 20} MiB.");
}
