using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeCollectives.Worker;

/// <summary>The control functions of the software verbs: see native/tests/softverbs/softverbs.h.</summary>
internal static unsafe class SoftVerbs
{
    /// <summary>Replaces the fault rules.</summary>
    public static void SetFaults(string rules)
    {
        if (CallWithText("softverbs_set_faults", rules) != 0)
        {
            throw new ArgumentException($"the software verbs cannot read the rules {rules}");
        }
    }

    /// <summary>Writes what happens from now on to another file, or with <see langword="null"/> to none.</summary>
    public static void SetRecord(string? path)
    {
        if (CallWithText("softverbs_set_record", path) != 0)
        {
            throw new IOException($"the software verbs cannot write to {path}");
        }
    }

    /// <summary>Whether this process has loaded them.</summary>
    public static bool AreLoaded => LoadedLibrary.Has("NC_VERBS_LIBRARY", "softverbs_live_objects");

    /// <summary>Closes the file to which they write, if there is one.</summary>
    public static void EndRecord()
    {
        if (AreLoaded)
        {
            SetRecord(null);
        }
    }

    /// <summary>How many objects are alive, and which rules were broken.</summary>
    public static void Describe(Dictionary<string, string> data)
    {
        data["live"] = ((delegate* unmanaged<long>)Find("softverbs_live_objects"))()
            .ToString(CultureInfo.InvariantCulture);
        var buffer = stackalloc byte[8192];
        buffer[0] = 0;
        ((delegate* unmanaged<byte*, nuint, nuint>)Find("softverbs_violations"))(buffer, 8192);
        data["violations"] = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer));
    }

    private static int CallWithText(string function, string? text)
    {
        // The environment is read with the first list of devices: what it says comes before what is said here.
        int count;
        var list = ((delegate* unmanaged<int*, nint>)Find("ibv_get_device_list"))(&count);
        ((delegate* unmanaged<nint, void>)Find("ibv_free_device_list"))(list);
        var native = Marshal.StringToCoTaskMemUTF8(text);
        try
        {
            return ((delegate* unmanaged<nint, int>)Find(function))(native);
        }
        finally
        {
            Marshal.FreeCoTaskMem(native);
        }
    }

    private static nint Find(string function)
    {
        var path =
            Environment.GetEnvironmentVariable("NC_VERBS_LIBRARY")
            ?? throw new InvalidOperationException("NC_VERBS_LIBRARY names no software verbs");
        return NativeLibrary.GetExport(NativeLibrary.Load(path), function);
    }
}
