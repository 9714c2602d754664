using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Xml.Linq;

namespace Updraft.Tests;

/// <summary>What programs can see: compared with PublicSurface.txt, and every member of it documented.</summary>
public sealed class PublicSurfaceTests
{
    private const BindingFlags Members = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>A change of the surface is a decision: run with UPDRAFT_WRITE_SNAPSHOT=1 and commit the file.</summary>
    [Fact]
    public void Surface_IsTheOneInTheFile()
    {
        string file = Path.Combine(Path.GetDirectoryName(SourceFile())!, "PublicSurface.txt"), actual = Print();
        if (Environment.GetEnvironmentVariable("UPDRAFT_WRITE_SNAPSHOT") == "1")
        {
            File.WriteAllText(file, actual);
        }
        Assert.Equal(File.ReadAllText(file), actual);
    }

    [Theory]
    [InlineData(typeof(Npu))]
    [InlineData(typeof(AclApi))]
    public void EveryPublicMember_IsDocumented(Type ofAssembly)
    {
        HashSet<string> documented = [.. Documentation(ofAssembly).Select(member => member.Attribute("name")!.Value.Split('(')[0])];
        var missing = new List<string>();
        foreach (Type type in Types(ofAssembly))
        {
            string name = type.FullName!.Replace('+', '.');
            missing.AddRange(documented.Contains($"T:{name}") ? [] : [$"T:{name}"]);
            foreach (MemberInfo member in type.GetMembers(Members).Where(IsVisible).Where(member => !member.IsDefined(typeof(CompilerGeneratedAttribute))))
            {
                string kind = member switch { PropertyInfo => "P", FieldInfo => "F", EventInfo => "E", _ => "M" };
                // Accessors, positional members of records and what the compiler adds have no text of their own.
                if (member is MethodInfo { IsSpecialName: true } and not { Name: "op_Implicit" } || member is ConstructorInfo || type.IsEnum && member.Name == "value__" || IsRecord(type))
                {
                    continue;
                }
                string entry = $"{kind}:{name}.{member.Name}";
                if (!documented.Any(each => each == entry || each.StartsWith(entry + "``", StringComparison.Ordinal)))
                {
                    missing.Add(entry);
                }
            }
        }
        Assert.True(missing.Count == 0, string.Join('\n', missing));
    }

    /// <summary>As C programmers look it up: declaration, chapter, header, chips.</summary>
    [Fact]
    public void AclApi_SaysWhereEachFunctionComesFrom()
    {
        Dictionary<string, XElement> members = Documentation(typeof(AclApi)).ToDictionary(member => member.Attribute("name")!.Value);
        XElement copy = members.Single(member => member.Key.StartsWith("M:Updraft.Interop.AclApi.aclrtMemcpyAsync(", StringComparison.Ordinal)).Value;
        Assert.StartsWith("C: aclError aclrtMemcpyAsync(void* dst, size_t destMax, const void* src, size_t count, aclrtMemcpyKind kind, aclrtStream stream).", copy.Element("summary")!.Value);
        Assert.Equal("Declared in acl/acl_rt.h, chapter 11-03. On every chip. Queued in a stream.", copy.Element("remarks")!.Value);
        string[] functions = [.. typeof(AclApi).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Select(method => method.Name)];
        Assert.True(functions.Length > 600);
        Assert.All(functions, function => Assert.Contains(members, member =>
            member.Key.StartsWith($"M:Updraft.Interop.AclApi.{function}", StringComparison.Ordinal) && member.Value.Element("remarks")!.Value.StartsWith("Declared in ", StringComparison.Ordinal)));
    }

    private static IEnumerable<XElement> Documentation(Type ofAssembly) => XDocument.Load(Path.ChangeExtension(ofAssembly.Assembly.Location, ".xml")).Descendants("member");

    private static IEnumerable<Type> Types(Type ofAssembly) => ofAssembly.Assembly.GetExportedTypes()
        .Where(type => !type.IsDefined(typeof(CompilerGeneratedAttribute))).OrderBy(type => type.FullName, StringComparer.Ordinal);

    private static bool IsRecord(Type type) => type.GetMethod("PrintMembers", Members) != null;

    private static bool IsVisible(MemberInfo member) => member switch
    {
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(IsVisible),
        EventInfo @event => IsVisible(@event.AddMethod!),
        _ => false,
    };

    private static string Print()
    {
        var text = new StringBuilder();
        foreach (Type type in Types(typeof(Npu)))
        {
            string kind = type.IsEnum ? "enum" : type.IsValueType ? "struct" : type.IsInterface ? "interface" : type.IsSealed && type.IsAbstract ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";
            string bases = string.Join(", ", new[] { type.BaseType }.Where(each => each != null && each != typeof(object) && each != typeof(ValueType) && each != typeof(Enum))
                .Concat(type.GetInterfaces()).Select(each => Name(each!)).Distinct().Order(StringComparer.Ordinal));
            text.Append($"{kind} {type.Namespace}.{Name(type)}{(bases.Length > 0 ? " : " + bases : "")}\n");
            foreach (string line in type.GetMembers(Members).Where(IsVisible).Select(Line).OfType<string>().Order(StringComparer.Ordinal))
            {
                text.Append($"    {line}\n");
            }
        }
        return text.ToString();
    }

    private static string? Line(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true } field => $"{field.Name} = {field.GetRawConstantValue()}",
        FieldInfo field => field.Name == "value__" ? null : $"{Name(field.FieldType)} {field.Name}",
        PropertyInfo property => $"{Name(property.PropertyType)} {property.Name}{Parameters(property.GetIndexParameters(), "[", "]")} {{{(property.GetMethod is { } get && IsVisible(get) ? " get;" : "")}{(property.SetMethod is { } set && IsVisible(set) ? " set;" : "")} }}",
        EventInfo @event => $"event {Name(@event.EventHandlerType!)} {@event.Name}",
        ConstructorInfo constructor => $"new{Parameters(constructor.GetParameters(), "(", ")")}",
        MethodInfo { IsSpecialName: true } method when !method.Name.StartsWith("op_", StringComparison.Ordinal) => null,
        MethodInfo method => $"{(method.IsStatic ? "static " : "")}{Name(method.ReturnType)} {method.Name}{(method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "")}{Parameters(method.GetParameters(), "(", ")")}",
        _ => null,
    };

    private static string Parameters(ParameterInfo[] parameters, string open, string close) => parameters.Length == 0 && open == "[" ? ""
        : open + string.Join(", ", parameters.Select(parameter => $"{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? $" = {parameter.DefaultValue ?? "null"}" : "")}")) + close;

    private static string Name(Type type)
    {
        if (type.IsGenericParameter || type.IsPointer || type.IsByRef || type.IsFunctionPointer)
        {
            return type.IsFunctionPointer ? "delegate*" : type.HasElementType ? Name(type.GetElementType()!) + (type.IsPointer ? "*" : "&") : type.Name;
        }
        string name = type.Name.Split('`')[0];
        return type.IsGenericType ? $"{name}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : name;
    }

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
