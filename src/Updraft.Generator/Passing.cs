using System;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>How the C calling convention passes a value, as far as rows can get it wrong.</summary>
internal enum Passing
{
    Unknown,
    Void,
    Integer1,
    Integer2,
    Integer4,
    Integer8,
    Pointer,

    /// <summary>A struct around one nint.</summary>
    Handle,

    /// <summary>nint: fits a pointer, a handle, a callback and an integer of 8 bytes.</summary>
    Word,
    Float,
    Double,

    /// <summary>A struct of the table by value.</summary>
    Struct,

    /// <summary>A type that only the table knows.</summary>
    Named,
}

/// <summary>A C type of a declaration: how it is passed, and the C# type for functions that have no row.</summary>
internal readonly record struct CPassing(Passing Passing, string Text)
{
    public static CPassing Of(string ctype, InterfaceTable table, bool isOperator)
    {
        if (ctype.IndexOfAny(['*', '[', '(']) >= 0)
        {
            return new(Passing.Pointer, "void*");
        }
        string name = ctype.Replace("const ", "").Replace(" const", "").Trim();
        return name switch
        {
            "void" => new(Passing.Void, "void"),
            "aclError" => new(Passing.Integer4, "int"),
            "char" or "uint8_t" or "bool" or "_Bool" or "unsigned char" => new(Passing.Integer1, "byte"),
            "int8_t" => new(Passing.Integer1, "sbyte"),
            "int16_t" => new(Passing.Integer2, "short"),
            "uint16_t" => new(Passing.Integer2, "ushort"),
            "int" or "int32_t" => new(Passing.Integer4, "int"),
            "unsigned int" or "uint32_t" => new(Passing.Integer4, "uint"),
            "int64_t" => new(Passing.Integer8, "long"),
            "uint64_t" => new(Passing.Integer8, "ulong"),
            "size_t" => new(Passing.Integer8, "nuint"),
            "float" => new(Passing.Float, "float"),
            "double" => new(Passing.Double, "double"),
            _ => table.FindType(name) switch
            {
                CScalar scalar => Of(scalar.Underlying, table, isOperator),
                CHandle or CCallback => new(Passing.Pointer, "void*"),
                CEnum => new(Passing.Integer4, "int"),
                CStruct => new(Passing.Struct, name),
                // The operator interface's own types are not in the table: none is implemented, so the kind is all that matters.
                null when isOperator && (name.EndsWith("Func", StringComparison.Ordinal) || name.EndsWith("Deallocator", StringComparison.Ordinal))
                    => new(Passing.Pointer, "void*"),
                null when isOperator => new(Passing.Integer4, "int"),
                _ => throw new FormatException($"interface/types.txt has no type '{name}' that can be passed by value"),
            },
        };
    }

    public bool Accepts(RowType type, InterfaceTable table)
    {
        Passing given = type.Passing;
        if (given == Passing.Named)
        {
            string name = type.Text.Substring(type.Text.LastIndexOf('.') + 1);
            given = name == "AclError" ? Passing.Integer4 : table.FindType(name) switch
            {
                CEnum => Passing.Integer4,
                CStruct when Passing == Passing.Struct && name == Text => Passing.Struct,
                _ => Passing.Unknown,
            };
        }
        return Passing switch
        {
            Passing.Pointer => given is Passing.Pointer or Passing.Handle or Passing.Word,
            Passing.Integer8 => given is Passing.Integer8 or Passing.Word,
            _ => given == Passing && given != Passing.Unknown,
        };
    }
}
