// Lets a netstandard2.0 assembly use records.
namespace System.Runtime.CompilerServices;

internal static class IsExternalInit { }
