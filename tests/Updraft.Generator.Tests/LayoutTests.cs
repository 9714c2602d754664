using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Updraft.Interface;
using Updraft.Interop;

namespace Updraft.Generator.Tests;

/// <summary>What C programs lay out by the table, C# lays out alike: sizes and offsets of every struct, sizes and values of every enum, by reflection.</summary>
public sealed class LayoutTests
{
    private static readonly InterfaceTable s_table = InterfaceTable.Parse(GeneratorRun.Table[0].Text, GeneratorRun.Table[1].Text, GeneratorRun.Table[2].Text);
    private static readonly Assembly s_assembly = typeof(aclrtUuid).Assembly;

    public static TheoryData<string> Structs => [.. s_table.Structs.Select(type => type.Name)];
    public static TheoryData<string> Enums => [.. s_table.Enums.Select(type => type.Name)];

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_HasTheSizeAndOffsetsOfC(string name)
    {
        CStruct expected = s_table.Structs.Single(type => type.Name == name);
        Type actual = Find(name);
        Assert.Equal(expected.Size, SizeOf(actual));
        Compare(expected.Fields, actual, 0);
    }

    [Theory]
    [MemberData(nameof(Enums))]
    public void Enum_HasTheSizeAndValuesOfC(string name)
    {
        CEnum expected = s_table.Enums.Single(type => type.Name == name);
        Type actual = Find(name);
        Assert.Equal(4, SizeOf(actual));
        Assert.Equal(expected.Members.Select(member => (member.Name, member.Value)).Order(),
            actual.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (field.Name, Convert.ToInt64(field.GetRawConstantValue(), null))).Order());
    }

    [Fact]
    public void Table_IsNotEmpty()
    {
        Assert.True(s_table.Structs.Count >= 60, $"{s_table.Structs.Count} structs");
        Assert.True(s_table.Enums.Count >= 80, $"{s_table.Enums.Count} enums");
    }

    /// <summary>Structs by value travel in registers or on the stack by their size: the four of the interface.</summary>
    [Theory]
    [InlineData("dim3", 12), InlineData("aclrtMemManagedLocation", 8), InlineData("aclmdlRICondTaskParams", 24), InlineData("aclrtIpcEventHandle", 64)]
    public void StructByValue_HasItsSizeAndNoFixedBuffer(string name, int size)
    {
        Type type = Find(name);
        Assert.Equal(size, SizeOf(type));
        Assert.DoesNotContain(type.GetFields(), field => field.GetCustomAttribute<FixedBufferAttribute>() != null);
    }

    private static void Compare(List<CField> fields, Type actual, int start)
    {
        foreach (CField field in fields)
        {
            if (field is { IsUnion: true, Name: null })
            {
                Compare(field.Fields, actual, start);
                continue;
            }
            if (field.ArrayLength == 0)
            {
                continue; // begins where the struct ends: C# has no such field
            }
            FieldInfo member = actual.GetField(field.Name!) ?? throw new Xunit.Sdk.XunitException($"{actual.Name} has no field {field.Name}");
            Assert.True(field.Offset - start == member.GetCustomAttribute<FieldOffsetAttribute>()!.Value, $"{actual.Name}.{field.Name}: offset");
            Assert.True(field.Size == SizeOf(member.FieldType), $"{actual.Name}.{field.Name}: {SizeOf(member.FieldType)} bytes, {field.Size} in C");
            if (field.IsUnion)
            {
                Compare(field.Fields, member.FieldType, field.Offset);
            }
        }
    }

    private static Type Find(string name) => s_assembly.GetType("Updraft.Interop." + name) ?? throw new Xunit.Sdk.XunitException($"no type {name}");

    private static int SizeOf(Type type) => type.IsPointer ? nint.Size
        : (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
}
