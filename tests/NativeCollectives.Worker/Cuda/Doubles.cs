using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeCollectives.Worker;

/// <summary>
/// The control functions of the doubles that play libnccl.so.2 and libcuda.so.1: see native/tests/doubles/doubles.h.
/// </summary>
internal static unsafe class Doubles
{
    private static readonly string[] _kinds = ["allocations", "pinned", "streams", "events", "contexts", "retains"];

    // The libraries that have fault rules of the case.
    private static readonly ConcurrentDictionary<string, bool> _faulty = new();

    /// <summary>The end of the case's fault rules.</summary>
    public static void ClearFaults()
    {
        foreach (var name in _faulty.Keys)
        {
            SetFaults($"{name}:");
        }
        _faulty.Clear();
    }

    /// <summary>Replaces the fault rules of one: "nccl:rules", "cuda:rules" or "verbs:rules".</summary>
    public static void SetFaults(string which)
    {
        _faulty[which.Split(':')[0]] = true;
        if (which.StartsWith("verbs:", StringComparison.Ordinal))
        {
            SoftVerbs.SetFaults(which[6..]);
            return;
        }
        var (name, rules) =
            which.StartsWith("nccl:", StringComparison.Ordinal) ? ("nccl", which[5..])
            : which.StartsWith("cuda:", StringComparison.Ordinal) ? ("cuda", which[5..])
            : throw new ArgumentException($"no double is named in {which}");
        var text = Marshal.StringToCoTaskMemUTF8(rules);
        try
        {
            if (((delegate* unmanaged<nint, int>)Find(name, $"nc_double_{name}_faults"))(text) != 0)
            {
                throw new ArgumentException($"the double of {name} cannot read the rules {rules}");
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>How many of each kind are alive.</summary>
    public static void CountLive(Dictionary<string, string> data)
    {
        var live = (delegate* unmanaged<nint, long>)Find("cuda", "nc_double_cuda_live");
        foreach (var kind in _kinds)
        {
            var text = Marshal.StringToCoTaskMemUTF8(kind);
            data[kind] = live(text).ToString(CultureInfo.InvariantCulture);
            Marshal.FreeCoTaskMem(text);
        }
        var communicators = (delegate* unmanaged<long>)Find("nccl", "nc_double_nccl_live_communicators");
        data["communicators"] = communicators().ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>How often a function of NCCL's has been called.</summary>
    public static ulong NcclCalls(string function)
    {
        var text = Marshal.StringToCoTaskMemUTF8(function);
        try
        {
            return ((delegate* unmanaged<nint, ulong>)Find("nccl", "nc_double_nccl_calls"))(text);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Whether this process has loaded both.</summary>
    public static bool AreLoaded =>
        LoadedLibrary.Has("NC_NCCL_LIBRARY", "nc_double_nccl_calls")
        && LoadedLibrary.Has("NC_CUDA_LIBRARY", "nc_double_cuda_live");

    private static nint Find(string name, string function)
    {
        var variable = name == "nccl" ? "NC_NCCL_LIBRARY" : "NC_CUDA_LIBRARY";
        var path =
            Environment.GetEnvironmentVariable(variable)
            ?? throw new InvalidOperationException($"{variable} names no double");
        return NativeLibrary.GetExport(NativeLibrary.Load(path), function);
    }
}
