using System.Collections.Generic;
using System.Linq;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>
/// The call table: every C function as a typed call through a function pointer, taken from the rows in process or from a library.
/// Whoever calls cannot tell which; that is how one program runs on the emulated device and on hardware.
/// </summary>
internal static class AclApiWriter
{
    public static string Write(InterfaceTable table, IReadOnlyDictionary<string, Row> rows)
    {
        var code = new Code(Code.Interop);
        code.Summary("Every function of AscendCL as a typed call, under its C name and with C's types. Handles are nint.");
        code.Block("public sealed unsafe partial class AclApi", () =>
        {
            int index = 0;
            foreach (CFunction function in table.Functions)
            {
                if (!function.IsVariadic)
                {
                    WriteCall(code, table, function, index);
                }
                index++;
            }
            WriteInProcess(code, table, rows);
        });
        return code.ToString();
    }

    private static void WriteCall(Code code, InterfaceTable table, CFunction function, int index)
    {
        string[] types = [.. function.Parameters.Select(parameter => TypeOf(parameter.Type, table, function.IsOperator))];
        string type = TypeOf(function.ReturnType, table, function.IsOperator);
        string parameters = string.Join(", ", function.Parameters.Select((parameter, position) => $"{types[position]} {Code.Identifier(parameter.Name)}"));
        string arguments = string.Join(", ", function.Parameters.Select(parameter => Code.Identifier(parameter.Name)));
        code.Summary($"C: {function.Declaration}.");
        code.Documentation("returns", function.ReturnsError ? "0, or a code of AclError; aclGetRecentErrMsg says more." : "");
        string kind = (function.Notes.Contains("async") ? " Queued in a stream." : "") + (function.IsDeprecated ? " Deprecated." : "");
        code.Documentation("remarks", $"Declared in {function.Header}, {(function.IsOperator ? "model and operator interface" : $"chapter {function.Chapter}")}.{Chips(function)}{kind}");
        code.Line($"public {type} {function.Name}({parameters}) => ((delegate* unmanaged[Cdecl]<{string.Join(", ", types.Append(type))}>)_functions[{index}])({arguments});");
        code.Line();
    }

    /// <summary>Which chips have it, where that is said.</summary>
    private static string Chips(CFunction function)
    {
        if (function.Support.Contains('-'))
        {
            return "";
        }
        if (!function.Support.Contains('n'))
        {
            return " On every chip.";
        }
        string[] chips = [.. CFunction.Chips.Where((_, chip) => function.Support[chip] != 'n')];
        return chips.Length == 0 ? " No chip has it." : $" Only on {string.Join(", ", chips)}.";
    }

    private static void WriteInProcess(Code code, InterfaceTable table, IReadOnlyDictionary<string, Row> rows) =>
        code.Block("private static void FillFromRows(void** functions)", () =>
        {
            int index = 0;
            foreach (CFunction function in table.Functions)
            {
                if (!function.IsVariadic)
                {
                    bool isRow = rows.TryGetValue(function.Name, out Row? row);
                    IEnumerable<string> types = isRow
                        ? row!.Parameters.Select(parameter => parameter.Type.Text).Append(function.ReturnsError ? "int" : row.Return.Text)
                        : function.Parameters.Select(parameter => parameter.Type).Append(function.ReturnType).Select(type => CPassing.Of(type, table, function.IsOperator).Text);
                    code.Line($"functions[{index}] = (delegate* unmanaged[Cdecl]<{string.Join(", ", types)}>)&Updraft.Device.EntryPoints.{function.Name};");
                }
                index++;
            }
        });

    /// <summary>The C# type a caller sees: pointers keep what they point to, handles and callbacks are nint.</summary>
    private static string TypeOf(string ctype, InterfaceTable table, bool isOperator)
    {
        if (ctype.IndexOf('(') >= 0)
        {
            return "nint";
        }
        int pointers = ctype.Count(character => character is '*' or '[');
        string name = ctype.Replace("const", "").Replace("struct ", "").Split('*', '[')[0].Trim();
        string target = table.FindType(name) switch
        {
            CEnum => name,
            CStruct => name,
            CHandle or CCallback => "nint",
            COpaque => "void",
            CScalar scalar => CPassing.Of(scalar.Underlying, table, isOperator).Text,
            _ when name == "void" || pointers > 0 && isOperator && name.StartsWith("acl") => "void",
            _ => CPassing.Of(name, table, isOperator).Text,
        };
        return target + new string('*', pointers);
    }
}
