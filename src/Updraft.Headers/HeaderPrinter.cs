using Updraft.Interface;

namespace Updraft.Headers;

/// <summary>
/// Prints the C headers from the table. A header holds, in this order: its includes, constants, types, functions.
/// <para>Every declaration stands on one line in the file programs expect it in, because build scripts search the
/// headers as text; every error code works as a <c>case</c> label, in C too.</para>
/// </summary>
internal sealed class HeaderPrinter
{
    private readonly InterfaceTable _table;
    private readonly Header _header;
    private readonly CWriter _out = new();

    private HeaderPrinter(InterfaceTable table, Header header) => (_table, _header) = (table, header);

    /// <summary>Path below include/ and text of every header.</summary>
    public static IReadOnlyList<(string Path, string Text)> Print(InterfaceTable table)
    {
        RefuseUnknownHeaders(table);
        return [.. HeaderGraph.All.Select(header => (header.Path, new HeaderPrinter(table, header).Print()))];
    }

    private string Print()
    {
        _out.Comment(
            $"""
            {_header.Path}: the AscendCL interface as Updraft offers it.
            Printed from the table in interface/ by eng/headers: do not edit.

            SPDX-License-Identifier: Apache-2.0
            Updraft is an independent project, not affiliated with the makers of Ascend and CANN.
            """ + (_header.Note == "" ? "" : "\n\n" + _header.Note));
        _out.Line($"#ifndef {_header.Guard}");
        _out.Line($"#define {_header.Guard}");
        _out.Blank();
        foreach (string include in _header.Includes)
        {
            _out.Line(include.StartsWith('<') ? $"#include {include}" : $"#include \"{include}\"");
        }
        _out.Blank();
        if (_header.IsCppOnly)
        {
            _out.Line("#ifndef __cplusplus");
            _out.Line($"#error \"{_header.Path} is for C++ only\"");
            _out.Line("#endif");
            _out.Blank();
        }

        switch (_header.Path)
        {
            case "acl/acl_base_rt.h":
                Attributes();
                Body();
                break;
            case "acl/acl_rt_api.h":
                OverloadPrinter.Print(_table, _out);
                break;
            default:
                Body();
                break;
        }

        _out.Blank();
        _out.Line("#endif");
        return _out.ToString();
    }

    private void Attributes()
    {
        foreach ((string macro, string attribute) in (ReadOnlySpan<(string, string)>)
            [("ACL_FUNC_VISIBILITY", "visibility(\"default\")"), ("ACL_DEPRECATED", "deprecated"), ("ACL_WEAK", "weak")])
        {
            _out.Line($"#ifndef {macro}");
            _out.Line($"#define {macro} __attribute__(({attribute}))");
            _out.Line("#endif");
        }
        _out.Blank();
    }

    private void Body()
    {
        Macros();
        TypedConstants();

        var types = _table.Types.Where(type => type.Header == _header.Path).ToList();
        var functions = _table.Functions.Where(function => function.Header == _header.Path).ToList();
        if (types.Count + functions.Count == 0)
        {
            return;
        }
        _out.Line("#ifdef __cplusplus");
        _out.Line("extern \"C\" {");
        _out.Line("#endif");
        _out.Blank();
        types.Where(IsOneLine).ToList().ForEach(Type);
        _out.Blank();
        // Callbacks come last because they take enumerations and structs.
        types.Where(type => !IsOneLine(type) && type is not CCallback).ToList().ForEach(Type);
        types.Where(type => type is CCallback).ToList().ForEach(Type);
        _out.Blank();
        functions.ForEach(Function);
        _out.Blank();
        _out.Line("#ifdef __cplusplus");
        _out.Line("}");
        _out.Line("#endif");
    }

    private static bool IsOneLine(CType type) => type is CScalar or CHandle or COpaque;

    private void Macros()
    {
        foreach (CConstant macro in _table.Constants.Where(constant => constant.Header == _header.Path && constant.IsMacro))
        {
            _out.Line($"#define {macro.Name} {macro.Literal}{Meaning(macro)}");
        }
        _out.Blank();
    }

    /// <summary>
    /// The interface has <c>static const int</c> objects here. In C such an object is no constant expression and could
    /// not label a case, so C gets enumerators of the same value.
    /// </summary>
    private void TypedConstants()
    {
        var constants = _table.Constants.Where(constant => constant.Header == _header.Path && !constant.IsMacro).ToList();
        if (constants.Count == 0)
        {
            return;
        }
        _out.Line("#ifdef __cplusplus");
        constants.ForEach(constant => _out.Line($"static {constant.CType} {constant.Name} = {constant.Literal};{Meaning(constant)}"));
        _out.Line("#else");
        _out.Block("enum {", () => constants.ForEach(constant => _out.Line($"{constant.Name} = {constant.Literal},")), "};");
        _out.Line("#endif");
        _out.Blank();
    }

    private static string Meaning(CConstant constant) => constant.Meaning == "" ? "" : $" /* {constant.Meaning} */";

    private void Type(CType type)
    {
        switch (type)
        {
            case CScalar scalar:
                _out.Line($"typedef {scalar.Underlying} {scalar.Name};");
                break;
            case CHandle handle:
                _out.Line($"typedef void* {handle.Name};");
                break;
            case COpaque opaque:
                _out.Line($"typedef struct {opaque.Tag} {opaque.Name};");
                break;
            case CCallback callback:
                _out.Line($"typedef {callback.Declaration};");
                break;
            case CEnum { Members: var members } type_:
                Definition("enum", type_.Tag, type_.Name, type_.HasTypedef,
                    () => members.ForEach(member => _out.Line($"{member.Name} = {member.Value},")));
                break;
            case CStruct { Fields: var fields } type_:
                Definition(type_.IsUnion ? "union" : "struct", type_.Tag, type_.Name, type_.HasTypedef, () => fields.ForEach(Field));
                break;
        }
    }

    private void Definition(string keyword, string? tag, string name, bool hasTypedef, Action body)
    {
        string head = tag == null ? keyword : $"{keyword} {tag}";
        _out.Blank();
        if (hasTypedef)
        {
            _out.Block($"typedef {head} {{", body, $"}} {name};");
        }
        else
        {
            _out.Block($"{head} {{", body, "};");
        }
        _out.Blank();
    }

    private void Field(CField field)
    {
        if (field.IsUnion)
        {
            _out.Block($"{field.Type} {{", () => field.Fields.ForEach(Field), field.Name == null ? "};" : $"}} {field.Name};");
        }
        else if (field.ArrayLength == 0)
        {
            // Every C++ compiler has flexible arrays, standard C++ has not.
            _out.Line("#pragma GCC diagnostic push");
            _out.Line("#pragma GCC diagnostic ignored \"-Wpedantic\"");
            _out.Line($"{field.Type} {field.Name}[];");
            _out.Line("#pragma GCC diagnostic pop");
        }
        else
        {
            _out.Line(field.Declaration.Replace("_Bool", "bool") + ";");
        }
    }

    private void Function(CFunction function)
    {
        string remark = Remark(function);
        if (remark != "")
        {
            _out.Line($"/* {remark} */");
        }
        string attributes = (function.IsDeprecated ? "ACL_DEPRECATED " : "") + (function.Notes.Contains("weak") ? "ACL_WEAK " : "");
        _out.Line($"{attributes}ACL_FUNC_VISIBILITY {function.Declaration};");
    }

    /// <summary>What a caller should know before he reads on: chips, when not all have the function, and the notes of the row.</summary>
    private static string Remark(CFunction function)
    {
        string[] chips = [.. CFunction.Chips.Where((_, chip) => function.Support[chip] == 'Y')];
        string support =
            chips.Length == CFunction.Chips.Length || !function.Support.Contains('n') ? "" :
            chips.Length == 0 ? "on no chip" : "on " + string.Join(", ", chips);
        string[] notes = [.. function.Notes.Where(note => note is not ("deprecated" or "weak")).Select(note => note == "async" ? "asynchronous" : note)];
        return string.Join("; ", notes.Prepend(support).Where(part => part != ""));
    }

    private static void RefuseUnknownHeaders(InterfaceTable table)
    {
        var known = HeaderGraph.All.Select(header => header.Path).ToHashSet();
        var unknown = table.Functions.Select(function => function.Header)
            .Concat(table.Types.Select(type => type.Header))
            .Concat(table.Constants.Select(constant => constant.Header))
            .Where(header => !known.Contains(header)).Distinct().ToList();
        if (unknown.Count > 0)
        {
            throw new FormatException("the table names headers that HeaderGraph lacks: " + string.Join(", ", unknown));
        }
    }
}
