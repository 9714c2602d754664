using System.Globalization;
using Updraft.Interface;

namespace Updraft.Headers;

/// <summary>
/// Prints the table of a fuzzer: for every function a call through an array of words, and what each word has to be. The fuzzer itself
/// is tests/Updraft.Interface.Tests/Fuzz/fuzz.cpp.
/// </summary>
internal sealed class FuzzPrinter
{
    private readonly InterfaceTable _table;
    private readonly CWriter _out = new();
    private readonly List<string> _kinds = [];

    private FuzzPrinter(InterfaceTable table) => _table = table;

    public static IReadOnlyList<(string Path, string Text)> Print(InterfaceTable table) => [("fuzz_table.inc", new FuzzPrinter(table).Print())];

    private string Print()
    {
        foreach (Header header in HeaderGraph.All)
        {
            _out.Line($"#include \"{header.Path}\"");
        }
        _out.Line("#include \"fuzz_call.h\"");
        _out.Blank();
        _out.Block("static const Function functions[] = {", () => _table.Functions.ForEach(Function), "};");
        _out.Block("static const char *const kinds[] = {", () => _kinds.ForEach(kind => _out.Line($"\"{kind}\",")), "};");
        return _out.ToString();
    }

    private void Function(CFunction function)
    {
        string arguments = string.Join(", ", function.Parameters.Select((parameter, index) => $"as<{Decayed(parameter.Type)}>(a[{index}])"));
        string call = $"{function.Name}({arguments})";
        int made = Handle(function.ReturnType);
        string body = function.ReturnType == "void" ? $"{call}; return 0;" : $"return word({call});";
        _out.Block($"{{ \"{function.Name}\", {(function.ReturnsError ? 1 : 0)}, {Number(made)}, {Number(function.Parameters.Count)}, [](const uint64_t *a) -> uint64_t {{ (void)a; {body} }}, {{", () =>
        {
            foreach (CParameter parameter in function.Parameters)
            {
                _out.Line($"{{ {Role(parameter)}, \"{parameter.Name}\" }},");
            }
        }, "} },");
    }

    /// <summary>The role of a parameter and two numbers that belong to it.</summary>
    private string Role(CParameter parameter)
    {
        string type = Decayed(parameter.Type);
        if (Handle(type) is >= 0 and var kind)
        {
            return $"HANDLE, {Number(kind)}, 0";
        }
        if (type.EndsWith(']'))
        {
            return "POINTER, -1, 16";
        }
        if (type.EndsWith('*'))
        {
            string pointee = type[..^1].Trim();
            if (Handle(pointee) is >= 0 and var made)
            {
                return $"HANDLE_POINTER, {Number(made)}, sizeof(void *)";
            }
            return pointee is "const char" ? "STRING, 0, 0" : $"POINTER, -1, sizeof(pointee<{type}>)";
        }
        if (type.Contains('('))
        {
            return "CALLBACK, 0, 0";
        }
        string name = Plain(type);
        return _table.FindType(name) switch
        {
            CCallback => "CALLBACK, 0, 0",
            CEnum known when known.Members.Count > 0 => $"ENUM, {Number(known.Members.Min(member => member.Value))}, {Number(known.Members.Max(member => member.Value))}",
            _ => $"NUMBER, {(parameter.Name.Contains("timeout", StringComparison.OrdinalIgnoreCase) ? 1 : 0)}, sizeof({type})",
        };
    }

    /// <summary>The number of the kind of handle that a type is; -1 for any other.</summary>
    private int Handle(string type)
    {
        string name = Plain(type.TrimEnd('*').TrimEnd());
        bool isPointer = type.EndsWith('*') && !type.EndsWith("**", StringComparison.Ordinal);
        bool isHandle = _table.FindType(name) switch { CHandle => !type.Contains('*'), COpaque => isPointer, _ => false };
        if (!isHandle)
        {
            return -1;
        }
        int index = _kinds.IndexOf(name);
        if (index < 0)
        {
            index = _kinds.Count;
            _kinds.Add(name);
        }
        return index;
    }

    /// <summary>As a function receives it: an array is a pointer, and a constant value a value.</summary>
    private static string Decayed(string type)
    {
        int bracket = type.IndexOf('['), second = type.LastIndexOf('[');
        type = bracket < 0 ? type : type[..bracket].TrimEnd() + (second > bracket ? "(*)" + type[second..] : "*");
        return type.EndsWith(" const", StringComparison.Ordinal) ? type[..^6] : type;
    }

    private static string Plain(string type) => type.Replace("const ", "", StringComparison.Ordinal).Replace(" const", "", StringComparison.Ordinal)
        .Replace("enum ", "", StringComparison.Ordinal).Replace("struct ", "", StringComparison.Ordinal).Trim();

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
