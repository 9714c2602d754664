using System.Collections.Generic;
using System.Linq;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>
/// The call table: every C function as a typed call, of the row in process or through a function pointer into a library. Whoever calls
/// cannot tell which; that is how one program runs on the emulated device and on hardware. In process no pointer is used: such a call
/// would leave managed code only to come back.
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
                    WriteCall(code, table, function, index, rows.TryGetValue(function.Name, out Row? row) ? row : null);
                }
                index++;
            }
        });
        return code.ToString();
    }

    private static void WriteCall(Code code, InterfaceTable table, CFunction function, int index, Row? row)
    {
        string[] types = [.. function.Parameters.Select(parameter => TypeOf(parameter.Type, table, function.IsOperator))];
        string[] names = [.. function.Parameters.Select(parameter => Code.Identifier(parameter.Name))];
        string type = TypeOf(function.ReturnType, table, function.IsOperator);
        code.Summary($"C: {function.Declaration}.");
        code.Documentation("returns", function.ReturnsError ? "0, or a code of AclError; aclGetRecentErrMsg says more." : "");
        string kind = (function.Notes.Contains("async") ? " Queued in a stream." : "") + (function.IsDeprecated ? " Deprecated." : "");
        code.Documentation("remarks", $"Declared in {function.Header}, {(function.IsOperator ? "model and operator interface" : $"chapter {function.Chapter}")}.{Chips(function)}{kind}");
        if (function.Notes.Contains("async"))
        {
            code.Line("[MethodImpl(MethodImplOptions.AggressiveInlining)]");
        }
        string toLibrary = $"((delegate* unmanaged[Cdecl]<{string.Join(", ", types.Append(type))}>)_functions[{index}])({string.Join(", ", names)})";
        string toRow = row == null ? $"Updraft.Device.Rows.Refused(Updraft.Device.Function.{function.Name})"
            : $"Updraft.Device.Exports.Enter_{function.Name}({string.Join(", ", names.Zip(row.Parameters, (name, parameter) => ToRow(name, parameter.Type)))})";
        code.Block($"public {type} {function.Name}({string.Join(", ", types.Zip(names, (each, name) => $"{each} {name}"))})", () =>
        {
            if (type == "void")
            {
                code.Line($"if (_functions == null) {{ {toRow}; return; }}").Line(toLibrary + ";");
            }
            else if (row == null && !function.ReturnsError)
            {
                code.Line($"if (_functions == null) {{ {toRow}; return default; }}").Line($"return {toLibrary};");
            }
            else
            {
                code.Line($"if (_functions == null) {{ return {FromRow(toRow, row, function, type)}; }}").Line($"return {toLibrary};");
            }
        });
        code.Line();
    }

    private static string ToRow(string name, RowType type) => type.Passing == Passing.Handle ? $"Unsafe.BitCast<nint, {type.Text}>((nint){name})" : $"({type.Text}){name}";

    private static string FromRow(string call, Row? row, CFunction function, string type) => function.ReturnsError ? call
        : row!.Return.Passing == Passing.Handle ? $"({type})Unsafe.BitCast<{row.Return.Text}, nint>({call})" : $"({type}){call}";

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
