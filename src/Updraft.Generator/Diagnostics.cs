using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Updraft.Generator;

/// <summary>What the generator refuses. All are errors: a row that does not fit the table would be a crash in someone's program.</summary>
internal static class Diagnostics
{
    public static readonly DiagnosticDescriptor NotInTable = Error("UPDGEN001", "A row must be in the table",
        "'{0}' is not a function of interface/functions.txt");

    public static readonly DiagnosticDescriptor ParameterCount = Error("UPDGEN002", "A row takes the parameters of the C function",
        "'{0}' takes {1} parameters, the C function {2}: {3}");

    public static readonly DiagnosticDescriptor ParameterType = Error("UPDGEN003", "A row's parameter is passed as the C function's",
        "'{0}': parameter '{1}' is {2}, but '{3}' is {4} in C");

    public static readonly DiagnosticDescriptor ReturnType = Error("UPDGEN004", "A row returns what the C function returns",
        "'{0}' returns {1}, but '{2}' needs {3}");

    public static readonly DiagnosticDescriptor Duplicate = Error("UPDGEN005", "One row per function",
        "'{0}' has a row already");

    public static readonly DiagnosticDescriptor BadTable = Error("UPDGEN006", "The table must be readable", "{0}");

    public static readonly DiagnosticDescriptor Variadic = Error("UPDGEN007", "Variadic functions are written in C",
        "'{0}' is variadic: it is exported by the native shell, not by a row");

    private static DiagnosticDescriptor Error(string id, string title, string message)
        => new(id, title, message, "Updraft", DiagnosticSeverity.Error, isEnabledByDefault: true);
}

/// <summary>A place in a source file that can be compared, as a <see cref="Location"/> cannot.</summary>
internal sealed record Place(string Path, TextSpan Span, LinePositionSpan Lines)
{
    public static Place Of(Location location) => new(location.SourceTree?.FilePath ?? "", location.SourceSpan, location.GetLineSpan().Span);

    public Location ToLocation() => Location.Create(Path, Span, Lines);
}
