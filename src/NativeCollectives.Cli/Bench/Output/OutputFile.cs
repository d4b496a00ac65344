using System.Text;

namespace NativeCollectives.Cli.Bench;

/// <summary>
/// A file for a result, opened before anything is measured, so that hours of measuring do not end in "permission
/// denied".
/// </summary>
internal sealed class OutputFile : IDisposable
{
    private const string StandardOutput = "-";

    private readonly Stream? _stream;
    private readonly string _path;
    private readonly TextWriter _output;
    private readonly bool _isNew;
    private bool _isWritten;

    private OutputFile(string path, Stream? stream, bool isNew, TextWriter output)
    {
        _path = path;
        _stream = stream;
        _isNew = isNew;
        _output = output;
    }

    /// <summary>Whether a path stands for the standard output.</summary>
    public static bool IsStandardOutput(string? path) => path == StandardOutput;

    /// <param name="option">The option that names the file.</param>
    /// <param name="path">
    /// The file, or <c>-</c> for <paramref name="output"/>; <see langword="null"/>: none is wanted.
    /// </param>
    /// <param name="output">The standard output.</param>
    /// <exception cref="ToolException">It cannot be written.</exception>
    public static OutputFile? Open(string option, string? path, TextWriter output)
    {
        if (path is null)
        {
            return null;
        }

        if (IsStandardOutput(path))
        {
            return new OutputFile(path, null, isNew: false, output);
        }

        try
        {
            bool isNew = !File.Exists(path);
            return new OutputFile(
                path,
                new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0),
                isNew,
                output
            );
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw ToolException.Usage($"{option} {path} cannot be written: {exception.Message}");
        }
    }

    /// <summary>Replaces what the file held.</summary>
    public void Write(string text)
    {
        _isWritten = true;
        if (_stream is null)
        {
            _output.Write(text);
            _output.Flush();
            return;
        }

        try
        {
            _stream.Write(Encoding.UTF8.GetBytes(text));
            if (_stream.CanSeek)
            {
                _stream.SetLength(_stream.Position);
            }
        }
        catch (IOException exception)
        {
            throw new ToolException($"{_path} could not be written: {exception.Message}", cause: exception);
        }
    }

    /// <summary>Closes the file, and removes it again if nothing came that could be written to it.</summary>
    public void Dispose()
    {
        if (_stream is not null)
        {
            _stream.Dispose();
            if (_isNew && !_isWritten)
            {
                File.Delete(_path);
            }
        }
    }
}
