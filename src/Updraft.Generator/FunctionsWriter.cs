using System;
using System.Collections.Generic;
using System.Linq;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>The list of functions as data: what <c>updraft api</c> prints and the support check reads.
/// Texts are switches, not arrays: nothing is built when the library is loaded, and what nobody asks for is trimmed.</summary>
internal static class FunctionsWriter
{
    public static string Write(InterfaceTable table, ICollection<string> implemented)
    {
        List<CFunction> functions = table.Functions;
        var code = new Code(Code.Device);
        code.Summary("Every C function of the interface, in the order of the table.");
        code.Block("internal enum Function : ushort", () => functions.ForEach(function => code.Line($"{function.Name} = {function.Index},")));
        code.Line();
        code.Summary("What the table says of a function.");
        code.Block("internal static class Functions", () =>
        {
            code.Line($"public const int Count = {functions.Count};").Line();
            code.Summary("Chips in the order of the bits of Support.");
            code.Line($"public static ReadOnlySpan<string> Chips => new[] {{ {string.Join(", ", CFunction.Chips.Select(Code.Literal))} }};").Line();

            code.Summary("One bit per chip, the first chip lowest. All are set where nothing is said: see IsUnsaid.");
            code.Line("public static byte Support(Function function) => SupportBits[(int)function];").Line();
            code.Line("public static bool IsUnsaid(Function function) => (Flags[(int)function] & 1) != 0;");
            code.Line("public static bool ReturnsError(Function function) => (Flags[(int)function] & 2) != 0;").Line();
            code.Summary("True when there is a row; without one the function is refused.");
            code.Line("public static bool IsImplemented(Function function) => (Flags[(int)function] & 4) != 0;").Line();
            code.Line("public static bool IsDeprecated(Function function) => (Flags[(int)function] & 8) != 0;");
            code.Line("public static bool IsAsync(Function function) => (Flags[(int)function] & 16) != 0;");
            code.Line("public static bool IsExperimental(Function function) => (Flags[(int)function] & 32) != 0;");
            code.Line("public static bool IsReserved(Function function) => (Flags[(int)function] & 64) != 0;").Line();

            Text(code, "Name", functions, function => function.Name);
            Text(code, "Header", functions, function => function.Header);
            Text(code, "Chapter", functions, function => function.Chapter);
            Text(code, "Declaration", functions, function => function.Declaration);

            Bytes(code, "SupportBits", functions, Support);
            Bytes(code, "Flags", functions, function => (function.Support.Contains('-') ? 1 : 0) | (function.ReturnsError ? 2 : 0)
                | (implemented.Contains(function.Name) || function.IsVariadic ? 4 : 0) | Note(function, "deprecated", 8) | Note(function, "async", 16)
                | Note(function, "experimental", 32) | Note(function, "reserved", 64));
        });
        return code.ToString();
    }

    public static int Support(CFunction function)
        => function.Support.Select((letter, chip) => letter == 'n' ? 0 : 1 << chip).Sum();

    private static int Note(CFunction function, string note, int flag) => Array.IndexOf(function.Notes, note) >= 0 ? flag : 0;

    private static void Text(Code code, string name, List<CFunction> functions, Func<CFunction, string> value)
    {
        code.Switch($"public static string {name}(Function function) => (int)function switch", () =>
        {
            // Neighbours mostly agree (headers, chapters): one arm for each run.
            for (int first = 0, last; first < functions.Count; first = last + 1)
            {
                string text = value(functions[first]);
                for (last = first; last + 1 < functions.Count && value(functions[last + 1]) == text; last++) { }
                code.Line($"{(first == last ? $"{first}" : $">= {first} and <= {last}")} => {Code.Literal(text)},");
            }
            code.Line("_ => throw new ArgumentOutOfRangeException(nameof(function)),");
        });
        code.Line();
    }

    private static void Bytes(Code code, string name, List<CFunction> functions, Func<CFunction, int> value)
        => code.Line($"private static ReadOnlySpan<byte> {name} => new byte[] {{ {string.Join(",", functions.Select(value))} }};").Line();
}
