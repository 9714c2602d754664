using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using Microsoft.CodeAnalysis;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>
/// interface/*.txt and the rows in, C# out: error codes, C types, the list of functions, and the exported functions.
/// A row that does not fit its C declaration is a compile error.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class UpdraftGenerator : IIncrementalGenerator
{
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValueProvider<TableTexts> texts = context.AdditionalTextsProvider
            .Where(text => TableTexts.Names.Contains(Path.GetFileName(text.Path)))
            .Select((text, cancellation) => (Name: Path.GetFileName(text.Path), Text: text.GetText(cancellation)?.ToString() ?? ""))
            .Collect()
            .Select((files, _) => TableTexts.Of(files));

        IncrementalValueProvider<EquatableArray<Row>> rows = context.SyntaxProvider
            .CreateSyntaxProvider(Row.IsExports, Row.Of)
            .Collect()
            .Select((parts, _) => new EquatableArray<Row>(parts.SelectMany(part => part)));

        context.RegisterSourceOutput(texts, static (output, texts) => Report(output, () =>
        {
            InterfaceTable table = texts.Parse();
            output.AddSource("AclError.g.cs", ErrorsWriter.Write(table));
            output.AddSource("Enums.g.cs", TypesWriter.WriteEnums(table));
            output.AddSource("Structs.g.cs", TypesWriter.WriteStructs(table));
            output.AddSource("AclConstants.g.cs", TypesWriter.WriteConstants(table));
        }));

        context.RegisterSourceOutput(texts.Combine(rows), static (output, both) => Report(output, () =>
        {
            InterfaceTable table = both.Left.Parse();
            Dictionary<string, Row> checkedRows = RowCheck.Run(table, both.Right, output.ReportDiagnostic);
            output.AddSource("Functions.g.cs", FunctionsWriter.Write(table, new HashSet<string>(checkedRows.Values.Where(row => !row.Refuses).Select(row => row.Name))));
            output.AddSource("EntryPoints.g.cs", EntryPointsWriter.Write(table, checkedRows));
            output.AddSource("AclApi.g.cs", AclApiWriter.Write(table, checkedRows));
        }));
    }

    private static void Report(SourceProductionContext output, Action write)
    {
        try
        {
            write();
        }
        catch (FormatException exception)
        {
            output.ReportDiagnostic(Diagnostic.Create(Diagnostics.BadTable, Location.None, exception.Message));
        }
    }
}

/// <summary>The texts of the table; compared by content, so that nothing is stamped again while only other code changes.</summary>
internal sealed record TableTexts(string Functions, string Types, string Constants)
{
    public static readonly string[] Names = ["functions.txt", "types.txt", "constants.txt"];

    public static TableTexts Of(ImmutableArray<(string Name, string Text)> files)
    {
        string Text(string name) => files.FirstOrDefault(file => file.Name == name).Text ?? "";
        return new(Text(Names[0]), Text(Names[1]), Text(Names[2]));
    }

    public InterfaceTable Parse()
    {
        if (Functions.Length == 0 || Types.Length == 0 || Constants.Length == 0)
        {
            throw new FormatException("interface/functions.txt, types.txt and constants.txt must be AdditionalFiles of the project");
        }
        return InterfaceTable.Parse(Functions, Types, Constants);
    }
}
