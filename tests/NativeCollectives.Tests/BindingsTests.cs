using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using NativeCollectives.Tests.Package;
using NUnit.Framework;

namespace NativeCollectives.Tests;

/// <summary>
/// Holds the generated bindings against the C header's text, against what a C compiler makes of it (the program
/// nc_abi_layout) and against what the built library exports.
/// </summary>
[TestFixture]
[Category("Unit")]
public sealed class BindingsTests
{
    private const BindingFlags Declared =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Static
        | BindingFlags.Instance
        | BindingFlags.DeclaredOnly;

    private static readonly Assembly Library = Assembly.Load("NativeCollectives");
    private static readonly Type Bound = Library.GetType(
        "NativeCollectives.Interop.NativeMethods",
        throwOnError: true
    )!;
    private static readonly Type[] BoundTypes =
    [
        .. Library
            .GetTypes()
            .Where(type => type.Namespace == Bound.Namespace && type.Name.StartsWith("nc_", StringComparison.Ordinal)),
    ];
    private static readonly MethodInfo[] BoundFunctions =
    [
        .. Bound.GetMethods(Declared).Where(method => method.IsDefined(typeof(DllImportAttribute))),
    ];

    private static readonly string NativeDirectory = Environment.GetEnvironmentVariable("NC_NATIVE_DIRECTORY")
        is { Length: > 0 } directory
        ? directory
        : AppContext.BaseDirectory;

    private CHeader _header = null!;
    private JsonElement _layout;

    [OneTimeSetUp]
    public void ReadHeaderAndLayout()
    {
        var root = typeof(BindingsTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "RepositoryRoot")
            .Value!;
        _header = new CHeader(File.ReadAllText(Path.Combine(root, "native", "include", "native_collectives.h")));

        var program = Path.Combine(
            NativeDirectory,
            OperatingSystem.IsWindows() ? "nc_abi_layout.exe" : "nc_abi_layout"
        );
        using var process = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, program);
        using var document = JsonDocument.Parse(output);
        _layout = document.RootElement.Clone();
    }

    [Test]
    public void HeaderIsUnderstoodCompletely()
    {
        Assert.That(_header.NotUnderstood, Is.Empty);
    }

    [Test]
    public void EveryExportedFunctionIsBoundAndEveryBindingIsExported()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("The exports are read from an ELF file, which a shared library is on Linux only.");
        }
        var exported = SharedLibrary
            .Read(File.ReadAllBytes(LibraryPath))
            .Exports.Where(name => name.StartsWith("nc_", StringComparison.Ordinal));
        Assert.That(BoundFunctions.Select(function => function.Name), Is.EquivalentTo(exported));
    }

    [Test]
    public void EveryBindingIsFoundInTheLibrary()
    {
        var library = NativeLibrary.Load(LibraryPath);
        Assert.That(
            BoundFunctions
                .Where(function => !NativeLibrary.TryGetExport(library, function.Name, out _))
                .Select(function => function.Name),
            Is.Empty
        );
    }

    [Test]
    public unsafe void LibraryHasTheVersionOfTheBindings()
    {
        var version = (delegate* unmanaged[Cdecl]<uint>)
            NativeLibrary.GetExport(NativeLibrary.Load(LibraryPath), "nc_abi_version");
        var constant = Bound.GetField("NC_ABI_VERSION", Declared)!.GetRawConstantValue();
        Assert.That((long)version(), Is.EqualTo(Convert.ToInt64(constant)));
    }

    [Test]
    public void EveryFunctionHasTheHeadersSignature()
    {
        var bound = BoundFunctions.Select(function =>
            CHeader.Signature(
                CSharpName(function.ReturnType),
                function.Name,
                function.GetParameters().Select(parameter => (CSharpName(parameter.ParameterType), parameter.Name!))
            )
        );
        Assert.That(bound, Is.EquivalentTo(_header.Functions));
    }

    [Test]
    public void EveryFunctionIsBoundToTheLibraryAlike()
    {
        var bound = BoundFunctions
            .Select(function => function.GetCustomAttribute<DllImportAttribute>()!)
            .Select(import =>
                $"{import.Value}, {import.CallingConvention}, exact {import.ExactSpelling}, last error "
                + $"{import.SetLastError}"
            )
            .Distinct();
        Assert.That(bound, Is.EqualTo(new[] { "native_collectives, Cdecl, exact True, last error False" }));
    }

    [Test]
    public void NothingIsBoundByHand()
    {
        var elsewhere = Library
            .GetTypes()
            .Where(type => type != Bound)
            .SelectMany(type => type.GetMethods(Declared))
            .Where(method => method.Attributes.HasFlag(MethodAttributes.PinvokeImpl))
            .Select(method => $"{method.DeclaringType}.{method.Name}");
        Assert.That(
            elsewhere,
            Is.Empty,
            "declare it in native_collectives.h and generate its binding: see bindings/README.md"
        );
    }

    [Test]
    public void EveryStructHasTheCompilersLayout()
    {
        var compiled = _layout
            .GetProperty("structs")
            .EnumerateObject()
            .SelectMany(type =>
                type.Value.GetProperty("fields")
                    .EnumerateObject()
                    .Select(field =>
                        $"{type.Name}.{field.Name}: {field.Value.GetProperty("size")} bytes at "
                        + $"{field.Value.GetProperty("offset")}"
                    )
                    .Prepend($"{type.Name}: {type.Value.GetProperty("size")} bytes")
            );
        var bound = BoundStructs.SelectMany(type =>
            type.GetFields(Declared)
                .Select(field => $"{type.Name}.{field.Name}: {SizeOf(field.FieldType)} bytes at {OffsetOf(field)}")
                .Prepend($"{type.Name}: {SizeOf(type)} bytes")
        );
        Assert.That(bound, Is.EquivalentTo(compiled));
    }

    [Test]
    public void EveryEnumHasTheCompilersValues()
    {
        var compiled = _layout
            .GetProperty("enums")
            .EnumerateObject()
            .SelectMany(type =>
                type.Value.GetProperty("values")
                    .EnumerateObject()
                    .Select(value => $"{type.Name}.{value.Name} = {value.Value}")
                    .Prepend($"{type.Name}: {type.Value.GetProperty("size")} bytes")
            );
        var bound = BoundTypes
            .Where(type => type.IsEnum)
            .SelectMany(type =>
                type.GetFields(BindingFlags.Public | BindingFlags.Static)
                    .Select(value => $"{type.Name}.{value.Name} = {Convert.ToInt64(value.GetRawConstantValue())}")
                    .Prepend($"{type.Name}: {SizeOf(type)} bytes")
            );
        Assert.That(bound, Is.EquivalentTo(compiled));
    }

    [Test]
    public void EveryConstantHasTheCompilersValue()
    {
        var compiled = _layout
            .GetProperty("constants")
            .EnumerateObject()
            .Select(constant => $"{constant.Name} = {constant.Value}");
        var bound = Bound
            .GetFields(Declared)
            .Where(field => field.IsLiteral)
            .Select(constant => $"{constant.Name} = {Convert.ToInt64(constant.GetRawConstantValue())}");
        Assert.That(bound, Is.EquivalentTo(compiled));
    }

    [Test]
    public void EveryOpaqueHandleIsAnEmptyStruct()
    {
        var bound = BoundTypes
            .Where(type => !type.IsEnum && type.GetFields(Declared).Length == 0)
            .Select(type => type.Name);
        Assert.That(bound, Is.EquivalentTo(_header.OpaqueStructs));
    }

    // What follows closes the circle: the C program's lists are written by hand and must hold all that the header
    // declares.

    [Test]
    public void LayoutProgramKnowsEveryField()
    {
        var known = _layout
            .GetProperty("structs")
            .EnumerateObject()
            .SelectMany(type =>
                type.Value.GetProperty("fields").EnumerateObject().Select(field => $"{type.Name}.{field.Name}")
            );
        Assert.That(known, Is.EquivalentTo(_header.Fields));
    }

    [Test]
    public void LayoutProgramKnowsEveryEnumerator()
    {
        var known = _layout
            .GetProperty("enums")
            .EnumerateObject()
            .SelectMany(type =>
                type.Value.GetProperty("values").EnumerateObject().Select(value => $"{type.Name}.{value.Name}")
            );
        Assert.That(known, Is.EquivalentTo(_header.Enumerators));
    }

    [Test]
    public void LayoutProgramKnowsEveryConstant()
    {
        Assert.That(
            _layout.GetProperty("constants").EnumerateObject().Select(constant => constant.Name),
            Is.EquivalentTo(_header.Constants)
        );
    }

    private static string LibraryPath =>
        Path.Combine(
            NativeDirectory,
            OperatingSystem.IsWindows() ? "native_collectives.dll"
                : OperatingSystem.IsMacOS() ? "libnative_collectives.dylib"
                : "libnative_collectives.so"
        );

    private static IEnumerable<Type> BoundStructs =>
        BoundTypes.Where(type => !type.IsEnum && type.GetFields(Declared).Length > 0);

    private static int SizeOf(Type type) =>
        type.IsPointer || type.IsFunctionPointer ? IntPtr.Size : RuntimeHelpers.SizeOf(type.TypeHandle);

    // Marshal.OffsetOf tells the marshaller's layout; the native side is given the address of the struct itself.
    private static unsafe long OffsetOf(FieldInfo field)
    {
        var method = new DynamicMethod("OffsetOf", typeof(nint), [typeof(nint)], field.Module, skipVisibility: true);
        var code = method.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Ldflda, field);
        code.Emit(OpCodes.Conv_U);
        code.Emit(OpCodes.Ret);
        byte origin;
        return method.CreateDelegate<Func<nint, nint>>()((nint)(&origin)) - (nint)(&origin);
    }

    private static string CSharpName(Type type)
    {
        if (type.IsFunctionPointer)
        {
            return CHeader.FunctionPointer(
                CSharpName(type.GetFunctionPointerReturnType()),
                type.GetFunctionPointerParameterTypes().Select(CSharpName)
            );
        }
        return type.IsPointer
            ? CSharpName(type.GetElementType()!) + "*"
            : CHeader.Primitives.GetValueOrDefault(type, type.Name);
    }
}
