using System;
using System.Collections.Generic;
using System.Globalization;

namespace Updraft.Interface;

/// <summary>
/// The C interface as data: what interface/*.txt says, line for line and in its order.
/// <para>No dependency but the framework, in one file, because two programs read the table: the generator (which links
/// Roslyn) and the printer of the C headers (which does not). Formats are described at the top of each text.</para>
/// <code>
/// var table = InterfaceTable.Parse(functions, types, constants, overloads);
/// table.Functions[0].Declaration  // "float aclFloat16ToFloat(aclFloat16 value)"
/// </code>
/// </summary>
internal sealed class InterfaceTable
{
    private readonly Dictionary<string, CType> _typesByName = new(StringComparer.Ordinal);

    private InterfaceTable() { }

    public List<CFunction> Functions { get; } = new();

    /// <summary>All types in the order of the text, so that a printer can keep it.</summary>
    public List<CType> Types { get; } = new();

    public List<CScalar> Scalars { get; } = new();
    public List<CHandle> Handles { get; } = new();
    public List<COpaque> Opaques { get; } = new();
    public List<CCallback> Callbacks { get; } = new();
    public List<CEnum> Enums { get; } = new();

    /// <summary>Structs and named unions.</summary>
    public List<CStruct> Structs { get; } = new();

    public List<CConstant> Constants { get; } = new();
    public List<COverload> Overloads { get; } = new();

    public CType? FindType(string name) => _typesByName.TryGetValue(name, out CType? type) ? type : null;

    public static InterfaceTable Parse(string functionsText, string typesText, string constantsText, string overloadsText = "")
    {
        var table = new InterfaceTable();
        table.ParseFunctions(functionsText);
        table.ParseTypes(typesText);
        table.ParseConstants(constantsText);
        table.ParseOverloads(overloadsText);
        return table;
    }

    private void ParseFunctions(string text)
    {
        string header = "";
        Line.ForEach("functions.txt", text, line =>
        {
            if (line.IsHeader(ref header))
            {
                return;
            }
            string[] words = line.Text.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length != 3 || words[1].Length != CFunction.Chips.Length)
            {
                throw line.Error("expected: chapter support declaration");
            }
            string declaration = words[2], notes = "";
            int semicolon = declaration.IndexOf(" ; ", StringComparison.Ordinal);
            if (semicolon >= 0)
            {
                notes = declaration.Substring(semicolon + 3);
                declaration = declaration.Substring(0, semicolon);
            }
            declaration = declaration.Trim();
            (string returnType, string name, List<CParameter> parameters, bool isVariadic) = Declarator.Function(declaration, line);
            Functions.Add(new CFunction(Functions.Count, header, words[0], words[1], declaration, returnType, name, parameters, isVariadic,
                notes.Split(new[] { ' ', ',' }, StringSplitOptions.RemoveEmptyEntries)));
        });
    }

    private void ParseTypes(string text)
    {
        CEnum? currentEnum = null;
        // The list that fields go to: the struct's, or that of a union inside it.
        var open = new Stack<List<CField>>();
        Line.ForEach("types.txt", text, line =>
        {
            if (line.IsIndented)
            {
                string body = line.Text.Trim();
                if (currentEnum != null)
                {
                    int equals = body.IndexOf(" = ", StringComparison.Ordinal);
                    currentEnum.Members.Add(new CEnumMember(body.Substring(0, equals), Number(body.Substring(equals + 3))));
                }
                else if (body == "}")
                {
                    open.Pop();
                }
                else
                {
                    CField field = ParseField(body, line);
                    open.Peek().Add(field);
                    if (field.IsUnion)
                    {
                        open.Push(field.Fields);
                    }
                }
                return;
            }

            currentEnum = null;
            open.Clear();
            int bracket = line.Text.LastIndexOf('[');
            string header = line.Text.Substring(bracket + 1).TrimEnd(']');
            string declaration = line.Text.Substring(0, bracket).Trim();
            string[] words = declaration.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            string name = words[1];
            switch (words[0])
            {
                case "scalar":
                    Add(Scalars, new CScalar(header, name, declaration.Substring(declaration.IndexOf('=') + 1).Trim()));
                    break;
                case "handle":
                    Add(Handles, new CHandle(header, name));
                    break;
                case "opaque":
                    Add(Opaques, new COpaque(header, name, words[3]));
                    break;
                case "callback":
                    string callback = declaration.Substring("callback".Length).Trim();
                    (string returnType, string callbackName, List<CParameter> parameters, _) = Declarator.FunctionPointer(callback, line);
                    Add(Callbacks, new CCallback(header, callbackName, callback, returnType, parameters));
                    break;
                case "enum":
                    currentEnum = new CEnum(header, name, Tag(words[3]), words[4] == "typedef=y");
                    Add(Enums, currentEnum);
                    break;
                case "struct":
                case "union":
                    var type = new CStruct(header, name, words[0] == "union", Tag(words[3]), words[4] == "typedef=y", (int)Number(words[5]), (int)Number(words[6]));
                    Add(Structs, type);
                    open.Push(type.Fields);
                    break;
                default:
                    throw line.Error("unknown kind of type: " + words[0]);
            }
        });
    }

    private static CField ParseField(string body, Line line)
    {
        string[] words = body.Split(new[] { ' ' }, 3);
        int offset = (int)Number(words[0]), size = (int)Number(words[1]);
        string declaration = words[2];
        if (declaration.EndsWith("{", StringComparison.Ordinal))
        {
            // "union NAME {", "union TAG NAME {" or "union - {".
            string[] head = declaration.TrimEnd('{', ' ').Split(' ');
            string unionName = head[head.Length - 1];
            return new CField(offset, size, declaration, head.Length == 3 ? "union " + head[1] : "union", unionName == "-" ? null : unionName, null, isUnion: true);
        }
        (string type, string name, string array) = Declarator.Variable(declaration, line);
        int? length = array.Length == 0 ? null : (int)Number(array.Trim('[', ']'));
        return new CField(offset, size, declaration, type, name, length, isUnion: false);
    }

    private void ParseConstants(string text)
    {
        string header = "";
        Line.ForEach("constants.txt", text, line =>
        {
            if (line.IsHeader(ref header))
            {
                return;
            }
            string declaration = line.Text, meaning = "", replacedBy = "";
            bool isDeprecated = false;
            int bar = declaration.IndexOf('|');
            if (bar >= 0)
            {
                meaning = declaration.Substring(bar + 1);
                declaration = declaration.Substring(0, bar);
                int semicolon = meaning.IndexOf(" ; deprecated", StringComparison.Ordinal);
                if (semicolon >= 0)
                {
                    isDeprecated = true;
                    int use = meaning.IndexOf(", use ", semicolon, StringComparison.Ordinal);
                    replacedBy = use < 0 ? "" : meaning.Substring(use + ", use ".Length).Trim();
                    meaning = meaning.Substring(0, semicolon);
                }
            }
            string[] words = declaration.Trim().Split(new[] { ' ' }, 4, StringSplitOptions.RemoveEmptyEntries);
            bool isMacro = words[0] switch
            {
                "macro" => true,
                "const" => false,
                _ => throw line.Error("expected macro or const"),
            };
            // A macro's literal may hold blanks, a typed constant's type does.
            string literal = isMacro && words.Length > 3 ? words[2] + " " + words[3] : words[2];
            Constants.Add(new CConstant(header, isMacro, words[1], literal.Trim(), isMacro ? "" : words[3], Number(literal), meaning.Trim(), isDeprecated, replacedBy));
        });
    }

    private void ParseOverloads(string text)
    {
        Line.ForEach("overloads.txt", text, line =>
        {
            int arrow = line.Text.IndexOf(" -> ", StringComparison.Ordinal);
            if (arrow < 0)
            {
                throw line.Error("expected: declaration -> function");
            }
            string declaration = line.Text.Substring(0, arrow).Trim(), target = line.Text.Substring(arrow + 4).Trim();
            string template = "", plain = declaration;
            if (plain.StartsWith("template", StringComparison.Ordinal))
            {
                int end = plain.IndexOf('>') + 1;
                template = plain.Substring(0, end);
                plain = plain.Substring(end).Trim();
            }
            (string returnType, string name, List<CParameter> parameters, _) = Declarator.Function(plain, line);
            Overloads.Add(new COverload(declaration, template, returnType, name, parameters, target));
        });
    }

    private void Add<T>(List<T> list, T type) where T : CType
    {
        list.Add(type);
        Types.Add(type);
        _typesByName[type.Name] = type;
    }

    private static string? Tag(string word)
    {
        string tag = word.Substring(word.IndexOf('=') + 1);
        return tag == "-" ? null : tag;
    }

    /// <summary>The value of a C integer literal: (0X2U), 0x400000000ULL, -1.</summary>
    internal static long Number(string literal)
    {
        string digits = literal.Trim().Trim('(', ')').TrimEnd('u', 'U', 'l', 'L');
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.Parse(digits.Substring(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(digits, CultureInfo.InvariantCulture);
    }
}

/// <summary>A C function. <see cref="Support"/> has one letter per chip of <see cref="Chips"/>: Y, n, or - where nothing is said.</summary>
internal sealed class CFunction(int index, string header, string chapter, string support, string declaration, string returnType, string name,
    List<CParameter> parameters, bool isVariadic, string[] notes)
{
    public static readonly string[] Chips = { "950", "A3", "910b", "310b", "310p", "910" };

    public int Index => index;
    public string Header => header;
    public string Chapter => chapter;
    public string Support => support;
    public string Declaration => declaration;
    public string ReturnType => returnType;
    public string Name => name;
    public List<CParameter> Parameters => parameters;
    public bool IsVariadic => isVariadic;

    /// <summary>async, deprecated, experimental, reserved, weak (declared so that callers may test for null).</summary>
    public string[] Notes => notes;

    public bool ReturnsError => returnType == "aclError";
    public bool IsDeprecated => Array.IndexOf(notes, "deprecated") >= 0;

    /// <summary>Part of the model and operator interface, which links and is refused.</summary>
    public bool IsOperator => chapter == "op";
}

/// <summary>A parameter: <c>const void* src</c> has type <c>const void*</c>, <c>const int values[]</c> type <c>const int[]</c>.</summary>
internal sealed class CParameter(string declaration, string type, string name, string defaultValue)
{
    public string Declaration => declaration;
    public string Type => type;
    public string Name => name;

    /// <summary>Of a C++ overload, else empty.</summary>
    public string Default => defaultValue;
}

internal abstract class CType(string header, string name)
{
    public string Header => header;
    public string Name => name;
}

internal sealed class CScalar(string header, string name, string underlying) : CType(header, name)
{
    public string Underlying => underlying;
}

internal sealed class CHandle(string header, string name) : CType(header, name);

internal sealed class COpaque(string header, string name, string tag) : CType(header, name)
{
    public string Tag => tag;
}

internal sealed class CCallback(string header, string name, string declaration, string returnType, List<CParameter> parameters) : CType(header, name)
{
    /// <summary>Of the pointer, without typedef: <c>void (*aclrtCallback)(void* userData)</c>.</summary>
    public string Declaration => declaration;

    public string ReturnType => returnType;
    public List<CParameter> Parameters => parameters;
}

internal sealed class CEnum(string header, string name, string? tag, bool hasTypedef) : CType(header, name)
{
    public string? Tag => tag;
    public bool HasTypedef => hasTypedef;
    public List<CEnumMember> Members { get; } = new();
}

internal sealed class CEnumMember(string name, long value)
{
    public string Name => name;
    public long Value => value;
}

internal sealed class CStruct(string header, string name, bool isUnion, string? tag, bool hasTypedef, int size, int align) : CType(header, name)
{
    public bool IsUnion => isUnion;
    public string? Tag => tag;
    public bool HasTypedef => hasTypedef;
    public int Size => size;
    public int Align => align;
    public List<CField> Fields { get; } = new();
}

/// <summary>A field, its offset counted from the start of the outermost struct; or a union inside a struct, then with fields of its own.</summary>
internal sealed class CField(int offset, int size, string declaration, string type, string? name, int? arrayLength, bool isUnion)
{
    public int Offset => offset;
    public int Size => size;

    /// <summary>As in C, without the semicolon; of a union its first line.</summary>
    public string Declaration => declaration;

    /// <summary>Without name and array bounds; may begin with "struct "; of a union "union" or "union TAG".</summary>
    public string Type => type;

    /// <summary>null for an anonymous union.</summary>
    public string? Name => name;

    /// <summary>null when not an array; 0 for a flexible array.</summary>
    public int? ArrayLength => arrayLength;

    public bool IsUnion => isUnion;
    public List<CField> Fields { get; } = new();
}

internal sealed class CConstant(string header, bool isMacro, string name, string literal, string ctype, long value, string meaning, bool isDeprecated, string replacedBy)
{
    public string Header => header;
    public bool IsMacro => isMacro;
    public string Name => name;

    /// <summary>As written in C.</summary>
    public string Literal => literal;

    /// <summary>Of a typed constant (<c>const int</c>), else empty.</summary>
    public string CType => ctype;

    public long Value => value;

    /// <summary>Of an error code, else empty.</summary>
    public string Meaning => meaning;

    public bool IsDeprecated => isDeprecated;
    public string ReplacedBy => replacedBy;

    public bool IsErrorCode => name == "ACL_SUCCESS" || name.StartsWith("ACL_ERROR_", StringComparison.Ordinal);
}

internal sealed class COverload(string declaration, string template, string returnType, string name, List<CParameter> parameters, string target)
{
    public string Declaration => declaration;

    /// <summary><c>template &lt;typename T&gt;</c>, or empty.</summary>
    public string Template => template;

    public string ReturnType => returnType;
    public string Name => name;
    public List<CParameter> Parameters => parameters;

    /// <summary>The C function that it forwards to.</summary>
    public string Target => target;
}

/// <summary>Just enough of the C declarator grammar for the table: no nesting but function pointers.</summary>
internal static class Declarator
{
    public static (string ReturnType, string Name, List<CParameter> Parameters, bool IsVariadic) Function(string declaration, Line line)
    {
        int open = declaration.IndexOf('('), close = declaration.LastIndexOf(')');
        if (open < 0 || close < open)
        {
            throw line.Error("not a function: " + declaration);
        }
        (string returnType, string name, _) = Variable(declaration.Substring(0, open), line);
        (List<CParameter> parameters, bool isVariadic) = Parameters(declaration.Substring(open + 1, close - open - 1), line);
        return (returnType, name, parameters, isVariadic);
    }

    public static (string ReturnType, string Name, List<CParameter> Parameters, bool IsVariadic) FunctionPointer(string declaration, Line line)
    {
        int star = declaration.IndexOf("(*", StringComparison.Ordinal), end = declaration.IndexOf(')', star);
        string inside = declaration.Substring(star + 2, end - star - 2).Trim();
        int open = declaration.IndexOf('(', end), close = declaration.LastIndexOf(')');
        (List<CParameter> parameters, bool isVariadic) = Parameters(declaration.Substring(open + 1, close - open - 1), line);
        return (declaration.Substring(0, star).Trim(), inside.Substring(inside.LastIndexOf(' ') + 1), parameters, isVariadic);
    }

    /// <summary>Splits <c>const aclDataType values[4]</c> into type, name and <c>[4]</c>.</summary>
    public static (string Type, string Name, string Array) Variable(string declaration, Line line)
    {
        string text = declaration.Trim(), array = "";
        int bracket = text.IndexOf('[');
        if (bracket >= 0)
        {
            array = text.Substring(bracket);
            text = text.Substring(0, bracket).TrimEnd();
        }
        int start = text.Length;
        while (start > 0 && (char.IsLetterOrDigit(text[start - 1]) || text[start - 1] == '_'))
        {
            start--;
        }
        if (start == 0 || start == text.Length)
        {
            throw line.Error("a type and a name expected: " + declaration);
        }
        return (text.Substring(0, start).Trim(), text.Substring(start), array);
    }

    private static (List<CParameter>, bool IsVariadic) Parameters(string list, Line line)
    {
        var parameters = new List<CParameter>();
        bool isVariadic = false;
        foreach (string declaration in AtCommas(list))
        {
            if (declaration == "...")
            {
                isVariadic = true;
            }
            else if (declaration is not ("" or "void"))
            {
                parameters.Add(Parameter(declaration, line));
            }
        }
        return (parameters, isVariadic);
    }

    private static CParameter Parameter(string declaration, Line line)
    {
        string text = declaration, defaultValue = "";
        int equals = text.IndexOf(" = ", StringComparison.Ordinal);
        if (equals >= 0)
        {
            defaultValue = text.Substring(equals + 3).Trim();
            text = text.Substring(0, equals);
        }
        if (text.Contains("(*"))
        {
            // Its own parameters need no names, so that only this one's is taken out.
            int end = text.IndexOf(')');
            (string pointer, string pointerName, _) = Variable(text.Substring(0, end), line);
            return new CParameter(text, pointer + text.Substring(end), pointerName, defaultValue);
        }
        (string type, string name, string array) = Variable(text, line);
        return new CParameter(text, type + array, name, defaultValue);
    }

    private static IEnumerable<string> AtCommas(string list)
    {
        int depth = 0, start = 0;
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] == '(')
            {
                depth++;
            }
            else if (list[i] == ')')
            {
                depth--;
            }
            else if (list[i] == ',' && depth == 0)
            {
                yield return list.Substring(start, i - start).Trim();
                start = i + 1;
            }
        }
        yield return list.Substring(start).Trim();
    }
}

/// <summary>A line that is neither empty nor a comment, with its place for messages.</summary>
internal readonly struct Line(string file, int number, string text)
{
    public string Text => text;
    public bool IsIndented => text[0] == ' ';

    /// <summary>True for <c>[acl/acl_rt.h]</c>, which it stores: what follows belongs to that header.</summary>
    public bool IsHeader(ref string header)
    {
        if (text[0] != '[')
        {
            return false;
        }
        header = text.Trim().Trim('[', ']');
        return true;
    }

    public FormatException Error(string what) => new($"interface/{file}({number}): {what}");

    /// <summary>Reads the lines that are neither empty nor comments. Whatever is wrong with one of them names the file and the line.</summary>
    public static void ForEach(string file, string text, Action<Line> read)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string content = lines[i].TrimEnd();
            if (content.Length == 0 || content[0] == '#')
            {
                continue;
            }
            var line = new Line(file, i + 1, content);
            try
            {
                read(line);
            }
            catch (FormatException exception) when (exception.Message.StartsWith("interface/", StringComparison.Ordinal))
            {
                throw;
            }
            catch (Exception exception) when (exception is FormatException or OverflowException or IndexOutOfRangeException or ArgumentException or InvalidOperationException)
            {
                throw line.Error($"cannot be read ({exception.Message.Split('\n')[0].TrimEnd()}): {content.Trim()}");
            }
        }
    }
}
