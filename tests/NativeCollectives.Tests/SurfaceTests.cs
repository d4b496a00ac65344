using System.Reflection;
using NativeCollectives.Surface;
using NativeCollectives.Tests.Harness;

namespace NativeCollectives.Tests;

/// <summary>
/// Holds the generated overloads against the table that they are written from, and the surface to its size.
/// </summary>
[TestFixture]
[Category("Unit")]
public sealed class SurfaceTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly string Folder = Path.Combine(NcclLibraries.RepositoryRoot, Files.Folder);

    [Test]
    public void WhatIsCommittedIsWhatTheTableSays()
    {
        var expected = Files.All().ToDictionary();
        Assert.That(Directory.GetFiles(Folder).Select(Path.GetFileName), Is.EquivalentTo(expected.Keys));
        Assert.Multiple(() =>
        {
            foreach ((string name, string text) in expected)
            {
                Assert.That(
                    File.ReadAllText(Path.Combine(Folder, name)) == text,
                    Is.True,
                    $"{name} is not what surface/Table.cs says: run ./build.sh surface"
                );
            }
        });
    }

    [Test]
    public void ThereAreFewerThan120PublicMembersOnAGroup()
    {
        MemberInfo[] members =
        [
            .. typeof(DistributedGroup)
                .GetMembers(Declared)
                .Where(member => member is not MethodBase { IsSpecialName: true }),
        ];
        TestContext.Out.WriteLine($"{members.Length} public members");
        Assert.That(members, Has.Length.LessThan(120), string.Join('\n', members.Select(member => member.ToString())));
    }

    [Test]
    public void EveryBlockingOperationHasAnAsynchronousForm()
    {
        Type[] types =
        [
            typeof(DistributedGroup),
            typeof(ValueCollectives),
            typeof(DeviceCollectives),
            typeof(RawCollectives),
            typeof(VariableLengthCollectives),
            typeof(ObjectCollectives),
            typeof(MlxCollectives),
        ];
        foreach (Type type in types)
        {
            ILookup<string, MethodInfo> methods = type.GetMethods(Declared).ToLookup(method => method.Name);
            foreach (Surface.Operation operation in Table.Operations)
            {
                int forms = methods[operation.Name].Count();
                int arrays = type == typeof(VariableLengthCollectives) ? 2 * forms : 0;
                Assert.That(
                    methods[operation.Name + "Async"].Count(),
                    Is.EqualTo(forms + arrays),
                    $"{type.Name}.{operation.Name}"
                );
            }
        }
    }

    [Test]
    public void EveryAsynchronousFormEndsWithATimeLimitAndAToken()
    {
        foreach (
            MethodInfo method in typeof(DistributedGroup)
                .Assembly.GetExportedTypes()
                .Where(type => type == typeof(DistributedGroup) || type.Name.EndsWith("Collectives"))
                .SelectMany(type => type.GetMethods(Declared))
                .Where(method => typeof(Task).IsAssignableFrom(method.ReturnType))
                .Where(method => method.Name is not nameof(DistributedGroup.CreateAsync))
        )
        {
            ParameterInfo[] last = method.GetParameters()[^2..];
            Assert.That(
                last.Select(parameter => (parameter.ParameterType, parameter.Name, parameter.IsOptional)),
                Is.EqualTo(
                    new (Type, string, bool)[]
                    {
                        (typeof(TimeSpan?), "timeout", true),
                        (typeof(CancellationToken), "cancellationToken", true),
                    }
                ),
                method.ToString()
            );
        }
    }
}
