using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>Compares rows with the C declarations. A row that fails is reported and not stamped.</summary>
internal static class RowCheck
{
    public static Dictionary<string, Row> Run(InterfaceTable table, IEnumerable<Row> rows, Action<Diagnostic> report)
    {
        Dictionary<string, CFunction> functions = table.Functions.ToDictionary(function => function.Name);
        var good = new Dictionary<string, Row>();
        foreach (Row row in rows)
        {
            void Error(DiagnosticDescriptor descriptor, params object[] arguments)
                => report(Diagnostic.Create(descriptor, row.Place.ToLocation(), [row.Name, .. arguments]));

            if (!functions.TryGetValue(row.Name, out CFunction? function))
            {
                Error(Diagnostics.NotInTable);
            }
            else if (function.IsVariadic)
            {
                Error(Diagnostics.Variadic);
            }
            else if (good.ContainsKey(row.Name))
            {
                Error(Diagnostics.Duplicate);
            }
            else if (row.Parameters.Count != function.Parameters.Count)
            {
                Error(Diagnostics.ParameterCount, row.Parameters.Count, function.Parameters.Count, function.Declaration);
            }
            else if (Fits(table, row, function, Error))
            {
                good.Add(row.Name, row with { Parameters = new(row.Parameters.Select(parameter => Resolve(table, parameter))) });
            }
        }
        return good;
    }

    private static bool Fits(InterfaceTable table, Row row, CFunction function, Action<DiagnosticDescriptor, object[]> error)
    {
        bool fits = true;
        for (int i = 0; i < row.Parameters.Count; i++)
        {
            CParameter parameter = function.Parameters[i];
            CPassing expected = CPassing.Of(parameter.Type, table, function.IsOperator);
            if (!expected.Accepts(row.Parameters[i].Type, table))
            {
                error(Diagnostics.ParameterType, [row.Parameters[i].Name, row.Parameters[i].Type.Text, parameter.Declaration, Describe(expected, table)]);
                fits = false;
            }
        }

        CPassing returned = CPassing.Of(function.ReturnType, table, function.IsOperator);
        bool returnFits = function.ReturnsError
            ? row.Return.Passing == Passing.Void || row.Return.Text.EndsWith("AclError", StringComparison.Ordinal)
            : returned.Accepts(row.Return, table);
        if (!returnFits)
        {
            error(Diagnostics.ReturnType, [row.Return.Text, function.Declaration, function.ReturnsError ? "void or AclError" : Describe(returned, table)]);
        }
        return fits && returnFits;
    }

    /// <summary>A struct of the table has no number to trace, an enum has.</summary>
    private static RowParameter Resolve(InterfaceTable table, RowParameter parameter)
        => parameter.Type.Passing == Passing.Named && table.FindType(parameter.Type.Text.Substring(parameter.Type.Text.LastIndexOf('.') + 1)) is CStruct
            ? parameter with { Type = parameter.Type with { Passing = Passing.Struct } }
            : parameter;

    private static string Describe(CPassing type, InterfaceTable table) => type.Passing switch
    {
        Passing.Void => "nothing",
        Passing.Pointer => "a pointer, handle or callback (a pointer type, a struct around one nint, or nint)",
        Passing.Float or Passing.Double => type.Text,
        Passing.Struct => $"the struct {type.Text} of {((CStruct)table.FindType(type.Text)!).Size} bytes",
        Passing.Integer1 => $"an integer of 1 byte ({type.Text})",
        Passing.Integer2 => $"an integer of 2 bytes ({type.Text})",
        Passing.Integer4 => $"an integer or enum of 4 bytes ({type.Text})",
        Passing.Integer8 => $"an integer of 8 bytes ({type.Text})",
        _ => type.Text,
    };
}
