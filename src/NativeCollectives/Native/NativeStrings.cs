using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using NativeCollectives.Interop;

namespace NativeCollectives;

/// <summary>Strings and settings in native memory, for as long as a call takes.</summary>
internal readonly unsafe ref struct NativeStrings
{
    private readonly List<nint> _strings = [];
    private readonly List<nint> _arrays = [];

    public NativeStrings() { }

    internal byte* Add(string text)
    {
        byte* copy = Utf8StringMarshaller.ConvertToUnmanaged(text);
        _strings.Add((nint)copy);
        return copy;
    }

    /// <summary>Texts as C programs take them: pointers, and a null pointer after the last.</summary>
    internal byte** Add(IReadOnlyCollection<string> texts)
    {
        var array = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        _arrays.Add((nint)array);
        byte** next = array;
        foreach (string text in texts)
        {
            *next++ = Add(text);
        }

        return array;
    }

    /// <summary>A backend's settings; <see langword="null"/> if there is none.</summary>
    internal nc_setting* Add(IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        if (settings.Count == 0)
        {
            return null;
        }

        var array = (nc_setting*)NativeMemory.Alloc((nuint)settings.Count, (nuint)sizeof(nc_setting));
        _arrays.Add((nint)array);
        for (int i = 0; i < settings.Count; i++)
        {
            array[i] = new nc_setting { name = Add(settings[i].Key), value = Add(settings[i].Value) };
        }

        return array;
    }

    public void Dispose()
    {
        foreach (nint copy in _strings)
        {
            Utf8StringMarshaller.Free((byte*)copy);
        }

        foreach (nint array in _arrays)
        {
            NativeMemory.Free((void*)array);
        }
    }
}
