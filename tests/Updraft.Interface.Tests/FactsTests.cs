using System.Text.Json;
using Updraft.Interface;

namespace Updraft.Interface.Tests;

/// <summary>
/// The table against the facts it was made from, read here a second time and by other means. Both sides are written as
/// lines and compared in order, so that a failure shows the first line that differs.
/// </summary>
public class FactsTests
{
    /// <summary>Facts use these keys where the table has a column.</summary>
    private static readonly string[] Chips = ["950", "A3", "910b", "310b", "310p", "910"];

    private static InterfaceTable Table => Repository.Table;

    [Fact]
    public void Functions_EqualFacts()
    {
        string Fact(JsonElement f)
        {
            string chapter = f.Text("chapter")?.Split('_')[0] ?? "-";
            string support = string.Concat(Chips.Select(chip => f.GetProperty("support").GetProperty(chip).ValueKind switch
            {
                JsonValueKind.True => 'Y',
                JsonValueKind.False => 'n',
                _ => '-',
            }));
            string[] notes = ["async", "deprecated", "experimental", "reserved"];
            return $"{f.Text("header")} {chapter} {support} {Signature(f)} ;{string.Concat(notes.Where(note => f.Flag(note)).Select(note => " " + note))}";
        }
        string Row(CFunction f) =>
            $"{f.Header} {f.Chapter} {f.Support} {Signature(f)} ;{string.Concat(f.Notes.Where(note => note != "weak").Order().Select(note => " " + note))}";

        Equal(Facts("functions.json").EnumerateArray().Select(Fact), Table.Functions.Where(f => !f.IsOperator).Select(Row));
    }

    [Fact]
    public void ModelAndOperatorFunctions_EqualFacts() => Equal(
        Facts("functions_model_op.json").EnumerateArray().Select(f => $"{f.Text("header")} {Signature(f)}"),
        Table.Functions.Where(f => f.IsOperator).Select(f => $"{f.Header} {Signature(f)}"));

    [Fact]
    public void Enums_EqualFacts() => Equal(
        Facts("enums.json").GetProperty("enums").EnumerateArray().SelectMany(e =>
            e.GetProperty("members").EnumerateArray().Select(member => $"  {member.Text("name")} = {member.Whole("value")}")
                .Prepend($"{e.Text("header")} {e.Text("name")} tag={e.Text("tag")} typedef={e.Flag("typedef")}")),
        Table.Enums.SelectMany(e => e.Members.Select(member => $"  {member.Name} = {member.Value}")
            .Prepend($"{e.Header} {e.Name} tag={e.Tag} typedef={e.HasTypedef}")));

    [Fact]
    public void Structs_EqualFacts()
    {
        static IEnumerable<string> FactField(JsonElement f)
        {
            string array = f.TryGetProperty("array", out JsonElement lengths) ? $"[{lengths.EnumerateArray().Single()}]" : "";
            string line = $"  {f.Whole("offset")} {f.Whole("size")} {f.Text("type")} {f.Text("name")}{array}";
            return f.TryGetProperty("members", out JsonElement members)
                ? members.EnumerateArray().SelectMany(FactField).Prepend(line)
                : [line];
        }
        static IEnumerable<string> RowField(CField f) =>
            f.Fields.SelectMany(RowField).Prepend($"  {f.Offset} {f.Size} {f.Type} {f.Name}{(f.ArrayLength is int length ? $"[{length}]" : "")}");

        Equal(
            Facts("structs.json").GetProperty("structs").EnumerateArray().SelectMany(s =>
                s.GetProperty("fields").EnumerateArray().SelectMany(FactField)
                    .Prepend($"{s.Text("header")} {s.Text("kind")} {s.Text("name")} tag={s.Text("tag")} typedef={s.Flag("typedef")} {s.Whole("size")} {s.Whole("align")}")),
            Table.Structs.SelectMany(s => s.Fields.SelectMany(RowField)
                .Prepend($"{s.Header} {(s.IsUnion ? "union" : "struct")} {s.Name} tag={s.Tag} typedef={s.HasTypedef} {s.Size} {s.Align}")));
    }

    [Fact]
    public void OtherTypes_EqualFacts()
    {
        JsonElement facts = Facts("structs.json");
        var expected = facts.GetProperty("scalar_typedefs").EnumerateArray().Select(t => $"{t.Text("header")} {t.Text("name")} = {t.Text("underlying")}")
            .Concat(facts.GetProperty("handles").EnumerateArray().Select(t => $"{t.Text("header")} {t.Text("name")} = {t.Text("underlying")}"))
            .Concat(facts.GetProperty("opaque_structs").EnumerateArray().Select(t => $"{t.Text("header")} {t.Text("name")} = {t.Text("tag")}"))
            // A callback without a name stands inline in the function that takes it, and is compared there.
            .Concat(facts.GetProperty("callbacks").EnumerateArray().Where(t => t.Text("name") != null).Select(t => $"{t.Text("header")} {Signature(t)}"));

        // The facts on the model and operator interface have no list of types: those rows come from its functions' use.
        var operatorHeaders = Table.Functions.Where(f => f.IsOperator).Select(f => f.Header).ToHashSet();
        bool IsKnown(CType type) => !operatorHeaders.Contains(type.Header);
        var rows = Table.Scalars.Where(IsKnown).Select(t => $"{t.Header} {t.Name} = {t.Underlying}")
            .Concat(Table.Handles.Where(IsKnown).Select(t => $"{t.Header} {t.Name} = void*"))
            .Concat(Table.Opaques.Where(IsKnown).Select(t => $"{t.Header} {t.Name} = struct {t.Tag}"))
            .Concat(Table.Callbacks.Where(IsKnown).Select(t => $"{t.Header} {Signature(t.ReturnType, t.Name, t.Parameters, isVariadic: false)}"));
        Equal(expected, rows);
    }

    [Fact]
    public void Constants_EqualFacts()
    {
        JsonElement facts = Facts("enums.json");
        var expected = facts.GetProperty("macros").EnumerateArray().Select(c => $"{c.Text("header")} {c.Text("name")} {c.Text("literal")} = {c.Whole("value")}")
            .Concat(facts.GetProperty("typed_constants").EnumerateArray().Select(c => $"{c.Text("header")} {c.Text("c_type")} {c.Text("name")} = {c.Whole("value")}"))
            .Concat(facts.GetProperty("documented_but_not_in_headers").EnumerateArray().Select(c => $"extra {c.Text("name")} = {c.Whole("value")}"));
        var extras = facts.GetProperty("documented_but_not_in_headers").EnumerateArray().Select(c => c.Text("name")).ToHashSet();
        var rows = Table.Constants.Select(c =>
            extras.Contains(c.Name) ? $"extra {c.Name} = {c.Value}" :
            c.IsMacro ? $"{c.Header} {c.Name} {c.Literal} = {c.Value}" : $"{c.Header} {c.CType} {c.Name} = {c.Value}");
        // Order between headers is the table's own.
        Equal(expected.Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ErrorCodes_EqualFacts()
    {
        var codes = Facts("errors.json").GetProperty("codes").EnumerateArray().ToList();
        var names = codes.Select(c => c.Text("name")).ToHashSet();
        Equal(
            codes.Select(c => $"{c.Text("header")} {c.Text("name")} = {c.Whole("value")} | {c.Text("meaning")}; {c.Flag("deprecated")} {c.Text("replacement")}")
                .Order(StringComparer.Ordinal),
            Table.Constants.Where(c => names.Contains(c.Name))
                .Select(c => $"{c.Header} {c.Name} = {c.Value} | {c.Meaning}; {c.IsDeprecated} {c.ReplacedBy}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Overloads_EqualFacts() => Equal(
        Facts("cpp_overloads.json").EnumerateArray().Select(o =>
            $"{string.Join(", ", o.GetProperty("template").EnumerateArray())} {Signature(o)} -> {o.Text("forwards_to")}"),
        Table.Overloads.Select(o =>
            $"{o.Template.Replace("template", "").Trim(' ', '<', '>')} {Signature(o.ReturnType, o.Name, o.Parameters, isVariadic: false)} -> {o.Target}"));

    private static string Signature(CFunction f) => Signature(f.ReturnType, f.Name, f.Parameters, f.IsVariadic);

    private static string Signature(string returnType, string name, IEnumerable<CParameter> parameters, bool isVariadic) =>
        Signature(returnType, name, parameters.Select(p => (p.Type, p.Name, p.Default)), isVariadic);

    private static string Signature(JsonElement f) => Signature(f.Text("returns")!, f.Text("name")!,
        f.GetProperty("params").EnumerateArray().Select(p => (p.Text("type")!, p.Text("name")!, p.Text("default") ?? "")), f.Flag("variadic"));

    private static string Signature(string returnType, string name, IEnumerable<(string Type, string Name, string Default)> parameters, bool isVariadic)
    {
        var list = parameters.Select(p => $"{p.Type.Replace(" [", "[")} {p.Name}{(p.Default == "" ? "" : " = " + p.Default)}");
        return $"{returnType} {name}({string.Join(", ", isVariadic ? list.Append("...") : list)})";
    }

    private static void Equal(IEnumerable<string> facts, IEnumerable<string> table)
    {
        string[] expected = [.. facts], actual = [.. table];
        Assert.NotEmpty(expected);
        foreach ((string fact, string row) in expected.Zip(actual))
        {
            Assert.Equal(fact, row);
        }
        Assert.Equal(expected.Length, actual.Length);
    }

    private static JsonElement Facts(string file)
    {
        string path = Path.Combine(Repository.Root, "..", "shared", "spec", file);
        Assert.SkipUnless(File.Exists(path), "the facts are not beside the repository (../shared/spec)");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }
}

internal static class JsonFacts
{
    public static string? Text(this JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) ? value.GetString() : null;

    public static long Whole(this JsonElement element, string key) => element.GetProperty(key).GetInt64();

    public static bool Flag(this JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.True;
}
