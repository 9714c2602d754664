using System.Text.RegularExpressions;
using Updraft.Interface;

namespace Updraft.Headers;

/// <summary>
/// Prints C and C++ sources that compile only when the headers say what the table says: a compiler compares every
/// function type, value, size, alignment and offset. Linked, the C source also proves that the library has every name.
/// </summary>
internal sealed partial class ConformancePrinter
{
    private readonly InterfaceTable _table;
    private readonly bool _isCpp;
    private readonly CWriter _out = new();

    private ConformancePrinter(InterfaceTable table, bool isCpp) => (_table, _isCpp) = (table, isCpp);

    public static IReadOnlyList<(string Path, string Text)> Print(InterfaceTable table) =>
    [
        ("conformance.c", new ConformancePrinter(table, isCpp: false).Print()),
        ("conformance.cpp", new ConformancePrinter(table, isCpp: true).Print()),
    ];

    private string Print()
    {
        var headers = HeaderGraph.All.Where(header => _isCpp || !header.IsCppOnly).ToList();
        headers.ForEach(header => _out.Line($"#include \"{header.Path}\""));
        _out.Line(_isCpp ? "#include <type_traits>" : "#include <assert.h>");
        _out.Blank();

        _table.Constants.ForEach(Constant);
        bool IsVisible(string path) => headers.Any(header => header.Path == path);
        _table.Types.Where(type => IsVisible(type.Header)).ToList().ForEach(Type);
        _out.Blank();
        _table.Functions.Where(function => IsVisible(function.Header)).ToList().ForEach(
            function => Pointer(function.Declaration, function.Name, function.Name));
        if (_isCpp)
        {
            _out.Blank();
            _table.Overloads.ForEach(Overload);
        }
        _out.Blank();
        _out.Line("int main(void) { return 0; }");
        return _out.ToString();
    }

    private void Assert(string condition) => _out.Line($"static_assert({condition}, \"{condition.Replace("\"", "")}\");");

    private void Constant(CConstant constant)
    {
        Assert($"{constant.Name} == {constant.Literal}");
        if (_isCpp && !constant.IsMacro)
        {
            Assert($"std::is_same<decltype({constant.Name}), {constant.CType}>::value");
        }
        _out.Line($"int label_{constant.Name}(int value) {{ switch (value) {{ case (int){constant.Name}: return 1; default: return 0; }} }}");
    }

    private void Type(CType type)
    {
        switch (type)
        {
            case CScalar scalar:
                Assert($"sizeof({scalar.Name}) == sizeof({scalar.Underlying})");
                break;
            case CHandle handle:
                _out.Line($"void** same_{handle.Name}({handle.Name}* handle) {{ return handle; }}");
                break;
            case COpaque opaque:
                _out.Line($"struct {opaque.Tag}* same_{opaque.Name}({opaque.Name}* opaque) {{ return opaque; }}");
                break;
            case CCallback callback:
                _out.Line($"extern {callback.Name} same_{callback.Name};");
                _out.Line($"extern {callback.Declaration.Replace(callback.Name, "same_" + callback.Name)};");
                break;
            case CEnum type_:
                Assert($"sizeof({Reference("enum", type_.Tag, type_.Name, type_.HasTypedef)}) == 4");
                type_.Members.ForEach(member => Assert($"{member.Name} == {member.Value}"));
                break;
            case CStruct type_:
                string name = Reference(type_.IsUnion ? "union" : "struct", type_.Tag, type_.Name, type_.HasTypedef);
                Assert($"sizeof({name}) == {type_.Size}");
                Assert($"{(_isCpp ? "alignof" : "_Alignof")}({name}) == {type_.Align}");
                type_.Fields.ForEach(field => Field(name, "", field));
                break;
        }
    }

    private void Field(string type, string prefix, CField field)
    {
        if (field.Name != null)
        {
            Assert($"offsetof({type}, {prefix}{field.Name}) == {field.Offset}");
            if (field.ArrayLength != 0)
            {
                Assert($"sizeof((({type}*)0)->{prefix}{field.Name}) == {field.Size}");
            }
        }
        field.Fields.ForEach(inner => Field(type, field.Name == null ? prefix : $"{prefix}{field.Name}.", inner));
    }

    private static string Reference(string keyword, string? tag, string name, bool hasTypedef) => hasTypedef ? name : $"{keyword} {tag}";

    /// <summary>A pointer of exactly the declared type, set to the function.</summary>
    private void Pointer(string declaration, string name, string variable)
    {
        int at = declaration.IndexOf(name + "(", StringComparison.Ordinal);
        _out.Line($"{declaration[..at]}(*pointer_{variable}){declaration[(at + name.Length)..]} = {name};");
    }

    /// <summary>Templates are taken for one set of types; the compiler deduces it from the pointer.</summary>
    private void Overload(COverload overload)
    {
        string parameters = string.Join(", ", overload.Parameters.Select(
            parameter => TypeParameter().Replace(parameter.Type, match => match.Value == "T" ? "float" : "double") + " " + parameter.Name));
        Pointer($"{overload.ReturnType} {overload.Name}({parameters})", overload.Name, $"overload_{_table.Overloads.IndexOf(overload)}");
    }

    [GeneratedRegex(@"\b[TU]\b")]
    private static partial Regex TypeParameter();
}
