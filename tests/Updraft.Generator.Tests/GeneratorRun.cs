using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace Updraft.Generator.Tests;

/// <summary>
/// The generator run over a table and rows in memory, as the compiler would run it.
/// <code>var run = GeneratorRun.Of("static void aclrtFree(int devPtr) { }"); run.Ids  // UPDGEN003</code>
/// </summary>
internal sealed class GeneratorRun
{
    private const string Frame = """
        using System;
        namespace Updraft.Device
        {{
            public readonly struct StreamHandle {{ public readonly nint Value; }}
            public readonly struct TwoWords {{ public readonly nint First, Second; }}
            [AttributeUsage(AttributeTargets.Method)] internal sealed class RefusesAttribute : Attribute;
            [AttributeUsage(AttributeTargets.Method)] internal sealed class ChecksChipAttribute : Attribute;
            internal static unsafe partial class Exports
            {{
                {0}
            }}
        }}
        """;

    /// <summary>The line of the frame, from 0, where rows stand.</summary>
    internal static readonly int RowLine = Frame[..Frame.IndexOf("{0}", StringComparison.Ordinal)].Count(character => character == '\n');

    internal static readonly string Interface = Path.Combine(FindRoot(), "interface");
    internal static readonly (string Name, string Text)[] Table = [.. new[] { "functions.txt", "types.txt", "constants.txt" }.Select(name => (name, System.IO.File.ReadAllText(Path.Combine(Interface, name))))];

    private readonly GeneratorDriverRunResult _result;

    private GeneratorRun(GeneratorDriverRunResult result) => _result = result;

    internal ImmutableArray<Diagnostic> Diagnostics => _result.Diagnostics;
    internal string[] Ids => [.. Diagnostics.Select(diagnostic => diagnostic.Id)];

    internal string File(string name) => _result.Results[0].GeneratedSources.Single(source => source.HintName == name).SourceText.ToString();
    internal string[] Files => [.. _result.Results.SelectMany(result => result.GeneratedSources).Select(source => source.HintName)];

    internal static GeneratorRun Of(string rows, IEnumerable<(string Name, string Text)>? table = null) => OfSource(string.Format(null, Frame, rows), table);

    internal static GeneratorRun OfSource(string source, IEnumerable<(string Name, string Text)>? table = null)
    {
        CSharpCompilation compilation = Compile(source);
        GeneratorDriver driver = Driver(table ?? Table);
        return new GeneratorRun(driver.RunGenerators(compilation).GetRunResult());
    }

    internal static CSharpCompilation Compile(string source) => CSharpCompilation.Create("rows", [CSharpSyntaxTree.ParseText(source, path: "Exports.cs")],
        [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)], new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));

    internal static CSharpGeneratorDriver Driver(IEnumerable<(string Name, string Text)> table) => CSharpGeneratorDriver.Create(
        [new UpdraftGenerator().AsSourceGenerator()], [.. table.Select(file => new MemoryText(file.Name, file.Text))],
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory != null; directory = directory.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(directory.FullName, "Updraft.slnx")))
            {
                return directory.FullName;
            }
        }
        throw new DirectoryNotFoundException("no Updraft.slnx above " + AppContext.BaseDirectory);
    }

    private sealed class MemoryText(string name, string text) : AdditionalText
    {
        public override string Path { get; } = "interface/" + name;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
