using Microsoft.CodeAnalysis;

namespace Updraft.Analyzers;

/// <summary>What is reported; docs/dotnet.md says more about each.</summary>
internal static class Rules
{
    public static readonly DiagnosticDescriptor ManagedMemory = Rule("UPD001", "Managed memory in an asynchronous copy",
        "{0} cannot copy managed memory, which the collector may move before the copy runs, and throws; use memory of AllocateHost or Register, or CopyBuffered, or CopyPageable");

    public static readonly DiagnosticDescriptor DroppedAwaitable = Rule("UPD002", "Awaitable dropped",
        "Nobody awaits the result of {0}: the program goes on before the device is done, and failures of the work are lost; await it");

    public static readonly DiagnosticDescriptor PageableMemory = Rule("UPD003", "Pageable memory in an asynchronous copy",
        "{0} waits for all that is queued in the stream before it copies {1}, which is not pinned, so nothing overlaps; use memory of aclrtMallocHost or aclrtHostRegisterV2");

    private static DiagnosticDescriptor Rule(string id, string title, string message) =>
        new(id, title, message, "AscendCL", DiagnosticSeverity.Warning, isEnabledByDefault: true, helpLinkUri: "docs/dotnet.md#" + id.ToLowerInvariant());
}
