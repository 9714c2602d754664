using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Updraft.Generator;

/// <summary>
/// A row: a method of <c>partial class Exports</c> that carries a C name. Methods that begin with a capital are not rows.
/// <para>Types that this generator makes do not exist yet when it looks at a row: they are known by name only
/// and are looked up in the table later (<see cref="Passing.Named"/>).</para>
/// </summary>
internal sealed record Row(string Name, RowType Return, EquatableArray<RowParameter> Parameters, bool ChecksChip, bool Refuses, Place Place)
{
    public static bool IsExports(SyntaxNode node, CancellationToken _)
        => node is ClassDeclarationSyntax { Identifier.ValueText: "Exports" };

    public static EquatableArray<Row> Of(GeneratorSyntaxContext context, CancellationToken cancellation)
    {
        var part = (ClassDeclarationSyntax)context.Node;
        if (context.SemanticModel.GetDeclaredSymbol(part, cancellation) is not { } type
            || type.ContainingNamespace.ToDisplayString() != "Updraft.Device")
        {
            return new([]);
        }
        return new(part.Members.OfType<MethodDeclarationSyntax>()
            .Where(method => method.Identifier.ValueText is { Length: > 0 } name && char.IsLower(name[0]))
            .Select(method => context.SemanticModel.GetDeclaredSymbol(method, cancellation))
            .OfType<IMethodSymbol>()
            .Select(Of));
    }

    private static Row Of(IMethodSymbol method)
        => new(method.Name, RowType.Of(method.ReturnType),
            new(method.Parameters.Select(parameter => new RowParameter(Code.Identifier(parameter.Name),
                parameter.RefKind == RefKind.None ? RowType.Of(parameter.Type) : new RowType(parameter.RefKind + " " + parameter.Type, Passing.Unknown)))),
            Has(method, "ChecksChip"), Has(method, "Refuses"),
            Place.Of(method.Locations[0]));

    private static bool Has(IMethodSymbol method, string attribute)
        => method.GetAttributes().Any(each => each.AttributeClass?.Name is { } name && (name == attribute || name == attribute + "Attribute"));
}

internal sealed record RowParameter(string Name, RowType Type);

/// <summary>A C# type of a row, and how the machine passes it.</summary>
internal sealed record RowType(string Text, Passing Passing)
{
    public static RowType Of(ITypeSymbol type)
        => new(type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat), PassingOf(type));

    private static Passing PassingOf(ITypeSymbol type) => type switch
    {
        IPointerTypeSymbol => Passing.Pointer,
        IFunctionPointerTypeSymbol => Passing.Pointer,
        IErrorTypeSymbol => Passing.Named,
        INamedTypeSymbol { TypeKind: TypeKind.Enum, EnumUnderlyingType: { } underlying } => PassingOf(underlying),
        INamedTypeSymbol { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None } named => IsHandle(named) ? Passing.Handle : Passing.Unknown,
        _ => type.SpecialType switch
        {
            SpecialType.System_Void => Passing.Void,
            SpecialType.System_SByte or SpecialType.System_Byte => Passing.Integer1,
            SpecialType.System_Int16 or SpecialType.System_UInt16 => Passing.Integer2,
            SpecialType.System_Int32 or SpecialType.System_UInt32 => Passing.Integer4,
            SpecialType.System_Int64 or SpecialType.System_UInt64 or SpecialType.System_UIntPtr => Passing.Integer8,
            SpecialType.System_IntPtr => Passing.Word,
            SpecialType.System_Single => Passing.Float,
            SpecialType.System_Double => Passing.Double,
            _ => Passing.Unknown,
        },
    };

    /// <summary>A handle is a struct around one nint, and travels as a pointer does.</summary>
    private static bool IsHandle(INamedTypeSymbol type)
    {
        IFieldSymbol[] fields = type.GetMembers().OfType<IFieldSymbol>().Where(field => !field.IsStatic).ToArray();
        return fields.Length == 1 && (fields[0].Type.SpecialType == SpecialType.System_IntPtr || fields[0].Type is IPointerTypeSymbol);
    }
}
