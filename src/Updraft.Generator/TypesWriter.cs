using System;
using System.Collections.Generic;
using System.Linq;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>
/// C enums, structs and constants as C#, under their C names. Structs are laid out by the table's offsets, not by the compiler,
/// so that what is written there is what programs see; a union's members share an offset.
/// </summary>
internal static class TypesWriter
{
    public static string WriteEnums(InterfaceTable table)
    {
        var code = new Code(Code.Interop);
        foreach (CEnum type in table.Enums)
        {
            bool isUnsigned = type.Members.Any(member => member.Value > int.MaxValue);
            code.Summary($"C: enum {type.Name} of {type.Header}.");
            code.Block($"public enum {type.Name} : {(isUnsigned ? "uint" : "int")}", () => type.Members.ForEach(member =>
            {
                code.Summary($"C: {member.Name} = {member.Value}.");
                code.Line($"{Code.Identifier(member.Name)} = {member.Value},");
            }));
            code.Line();
        }
        return code.ToString();
    }

    public static string WriteConstants(InterfaceTable table)
    {
        var code = new Code(Code.Interop);
        code.Summary("Macros and typed constants of the C headers.");
        code.Block("public static class AclConstants", () =>
        {
            foreach (CConstant constant in table.Constants.GroupBy(constant => constant.Name).Select(same => same.First()))
            {
                string literal = constant.Literal.Trim('(', ')').ToUpperInvariant();
                string type = literal.Contains("UL") ? "ulong" : literal.EndsWith("U", StringComparison.Ordinal) || constant.CType.Contains("uint32_t") ? "uint" : "int";
                code.Summary(constant.Meaning.Length > 0 ? constant.Meaning : $"C: {constant.Name} = {constant.Literal}.");
                code.Line($"public const {type} {constant.Name} = {(literal.StartsWith("0X", StringComparison.Ordinal) ? "0x" + constant.Value.ToString("X") : constant.Value.ToString())};");
            }
        });
        return code.ToString();
    }

    public static string WriteStructs(InterfaceTable table)
    {
        // A fixed buffer gives every method that takes the struct by value a stack cookie, and an exported function
        // must not have one (see EntryPointsWriter). An inline array does not.
        var byValue = new HashSet<string>(table.Functions.SelectMany(function => function.Parameters).Select(parameter => parameter.Type.Replace("const ", "")));
        var code = new Code(Code.Interop);
        foreach (CStruct type in table.Structs)
        {
            code.Summary($"C: struct {type.Name} of {type.Header}, {type.Size} bytes.");
            WriteStruct(code, table, type.Name, type.Size, 0, type.Fields, hasBuffers: !byValue.Contains(type.Name));
            code.Line();
        }
        return code.ToString();
    }

    private static void WriteStruct(Code code, InterfaceTable table, string name, int size, int start, List<CField> fields, bool hasBuffers)
    {
        code.Line($"[StructLayout(LayoutKind.Explicit, Size = {size})]");
        code.Block($"public unsafe struct {name}", () => WriteFields(code, table, start, fields, hasBuffers));
    }

    private static void WriteFields(Code code, InterfaceTable table, int start, List<CField> fields, bool hasBuffers)
    {
        foreach (CField field in fields)
        {
            string at = $"[FieldOffset({field.Offset - start})]";
            if (field is { IsUnion: true, Name: null })
            {
                WriteFields(code, table, start, field.Fields, hasBuffers);
                continue;
            }
            string name = Code.Identifier(field.Name!);
            if (field.IsUnion)
            {
                code.Summary($"C: the union {field.Name}, {field.Size} bytes.");
                WriteStruct(code, table, field.Name + "Union", field.Size, field.Offset, field.Fields, hasBuffers);
                code.Summary($"C: the union {field.Name} at offset {field.Offset}.");
                code.Line($"{at} public {field.Name}Union {name};");
                continue;
            }
            (string type, bool isPrimitive) = FieldType(field.Type, table);
            code.Summary(field.ArrayLength == 0 ? "" : $"C: {field.Declaration} at offset {field.Offset}.");
            if (field.ArrayLength is not { } length)
            {
                code.Line($"{at} public {type} {name};");
            }
            else if (length == 0)
            {
                code.Line($"// {field.Declaration}: begins where the struct ends");
            }
            else if (isPrimitive && hasBuffers)
            {
                // Buffers of native integers do not exist; the interface is LP64 only.
                code.Line($"{at} public fixed {(type == "nuint" ? "ulong" : type)} {name}[{length}];");
            }
            else
            {
                code.Line($"[InlineArray({length})] public struct {field.Name}Array {{ private {type} _first; }}");
                code.Summary($"C: {field.Declaration} at offset {field.Offset}.");
                code.Line($"{at} public {field.Name}Array {name};");
            }
        }
    }

    private static (string Type, bool IsPrimitive) FieldType(string ctype, InterfaceTable table)
    {
        string type = ctype.Replace("const ", "").Trim();
        if (type.StartsWith("struct ", StringComparison.Ordinal))
        {
            type = type.Substring("struct ".Length);
        }
        if (type.EndsWith("*", StringComparison.Ordinal))
        {
            (string pointed, _) = type == "void*" ? ("void", false) : FieldType(type.Substring(0, type.Length - 1).Trim(), table);
            return (pointed + "*", false);
        }
        if (type == "void")
        {
            return ("void", false);
        }
        return table.FindType(type) switch
        {
            CScalar scalar => FieldType(scalar.Underlying, table),
            CHandle or CCallback => ("nint", false),
            CEnum or CStruct => (type, false),
            COpaque => ("void", false),
            _ => (CPassing.Of(type, table, isOperator: false).Text, true),
        };
    }
}
