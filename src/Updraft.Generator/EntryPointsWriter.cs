using System.Collections.Generic;
using System.Linq;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>
/// The exported functions. An entry is one call and nothing else: the first entry that a program calls starts the runtime inside
/// its own prologue, where a stack cookie aborts the process. Its body, never inlined, calls the row and turns exceptions into codes:
/// <code>
/// C caller ─► EntryPoints.aclrtFree(void*) ─► Exports.Enter_aclrtFree ─► Exports.aclrtFree (the row)
/// </code>
/// Bodies are part of Exports, so that rows may be private.
/// </summary>
internal static class EntryPointsWriter
{
    public static string Write(InterfaceTable table, IReadOnlyDictionary<string, Row> rows)
    {
        var code = new Code(Code.Device);
        code.Summary("The C functions: unmanaged entry points, for C programs.");
        code.Block("internal static unsafe class EntryPoints", () =>
        {
            foreach (CFunction function in table.Functions.Where(function => !function.IsVariadic))
            {
                code.Line($"[UnmanagedCallersOnly(EntryPoint = \"{function.Name}\", CallConvs = new[] {{ typeof(CallConvCdecl) }})]");
                if (rows.TryGetValue(function.Name, out Row? row))
                {
                    code.Line($"public static {EntryType(function, row)} {function.Name}({Declare(row)}) => Exports.Enter_{function.Name}({Pass(row)});");
                }
                else
                {
                    WriteRefused(code, table, function);
                }
                code.Line();
            }
            code.Line("[MethodImpl(MethodImplOptions.NoInlining)]");
            code.Line("private static int Refused(Function function) => Rows.Refused(function);");
        });
        code.Line();
        code.Block("static unsafe partial class Exports", () =>
        {
            foreach (CFunction function in table.Functions)
            {
                if (rows.TryGetValue(function.Name, out Row? row))
                {
                    WriteBody(code, function, row);
                }
            }
        });
        return code.ToString();
    }

    private static string EntryType(CFunction function, Row row) => function.ReturnsError ? "int" : row.Return.Text;

    private static string Declare(Row row) => string.Join(", ", row.Parameters.Select(parameter => $"{parameter.Type.Text} {parameter.Name}"));

    private static string Pass(Row row) => string.Join(", ", row.Parameters.Select(parameter => parameter.Name));

    private static void WriteRefused(Code code, InterfaceTable table, CFunction function)
    {
        string parameters = string.Join(", ", function.Parameters.Select(parameter =>
            $"{CPassing.Of(parameter.Type, table, function.IsOperator).Text} {Code.Identifier(parameter.Name)}"));
        string type = CPassing.Of(function.ReturnType, table, function.IsOperator).Text;
        string refuse = $"Refused(Function.{function.Name})";
        code.Line($"public static {type} {function.Name}({parameters}) "
            + (function.ReturnsError ? $"=> {refuse};" : type == "void" ? $"=> {refuse};" : $"{{ {refuse}; return default; }}"));
    }

    private static void WriteBody(Code code, CFunction function, Row row)
    {
        string name = "Function." + function.Name, call = $"{function.Name}({Pass(row)})";
        bool returnsNothing = !function.ReturnsError && row.Return.Passing == Passing.Void;
        // How a function that has no code to return reports one: Rows keeps it, the caller gets null or nothing.
        string Leave(string report) => function.ReturnsError ? $"return {report};" : returnsNothing ? $"{report}; return;" : $"{report}; return default;";

        code.Line("[MethodImpl(MethodImplOptions.NoInlining)]");
        code.Block($"internal static {EntryType(function, row)} Enter_{function.Name}({Declare(row)})", () =>
        {
            code.Line($"if (Trace.Calls) {{ Trace_{function.Name}({Pass(row)}); }}");
            if (FunctionsWriter.Support(function) != (1 << CFunction.Chips.Length) - 1 && !row.ChecksChip)
            {
                code.Line($"if (!Chip.Supports({name})) {{ {Leave($"Rows.Unsupported({name})")} }}");
            }
            code.Block("try", () =>
            {
                if (!function.ReturnsError)
                {
                    code.Line(returnsNothing ? call + ";" : $"return {call};");
                }
                else if (row.Return.Passing == Passing.Void)
                {
                    code.Line(call + ";").Line("return 0;");
                }
                else
                {
                    code.Line($"AclError __code = {call};").Line($"return __code == 0 ? 0 : Rows.Result({name}, __code);");
                }
            });
            code.Block("catch (Exception __caught)", () => code.Line(Leave($"Rows.Fail({name}, __caught)")));
        });
        code.Line();
        // Apart, so that the span of arguments costs nothing when nobody traces.
        code.Line("[MethodImpl(MethodImplOptions.NoInlining)]");
        code.Line($"private static void Trace_{function.Name}({Declare(row)})");
        code.Line($"    => Trace.Call({string.Join(", ", row.Parameters.Select(Traced).Prepend(name))});");
        code.Line();
    }

    private static string Traced(RowParameter parameter) => parameter.Type.Passing switch
    {
        Passing.Handle => $"(ulong){parameter.Name}.Value",
        Passing.Float or Passing.Double or Passing.Unknown or Passing.Struct => "0UL",
        _ => $"(ulong){parameter.Name}",
    };
}
