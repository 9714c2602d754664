namespace Updraft.Headers;

/// <summary>A header file: its path below include/, and what it includes (relative to itself, so that any -I works).</summary>
internal sealed record Header(string Path, params string[] Includes)
{
    public bool IsCppOnly { get; init; }

    /// <summary>A sentence for the reader, where the file needs one.</summary>
    public string Note { get; init; } = "";

    public string Guard => "UPDRAFT_" + Path.ToUpperInvariant().Replace('/', '_').Replace('.', '_') + "_";
}

/// <summary>Which header includes which: the one fact about the headers that is not a row of the table.</summary>
internal static class HeaderGraph
{
    private const string NamesOnly =
        "The table knows the names of these types, not their contents: structs are opaque, enumerations are plain\n" +
        "integers without named values, callbacks have no parameters. The functions link and are refused.";

    /// <summary>In an order in which every header comes after those it includes.</summary>
    public static readonly IReadOnlyList<Header> All =
    [
        new("acl/error_codes/rt_error_codes.h"),
        new("acl/error_codes/ge_error_codes.h", "<stdint.h>"),
        new("ge/ge_error_codes.h", "../acl/error_codes/ge_error_codes.h"),
        new("acl/acl_base_rt.h", "<stdbool.h>", "<stddef.h>", "<stdint.h>"),
        new("acl/acl_base_mdl.h", "acl_base_rt.h") { Note = NamesOnly },
        new("acl/acl_base.h", "acl_base_rt.h", "acl_base_mdl.h", "error_codes/rt_error_codes.h", "error_codes/ge_error_codes.h"),
        new("acl/acl_rt_allocator.h", "acl_base.h"),
        new("acl/acl_rt.h", "<stdbool.h>", "<stddef.h>", "<stdint.h>", "acl_base.h", "acl_rt_allocator.h"),
        new("acl/acl_rt_memory_soma.h", "acl_rt.h"),
        new("acl/acl_rt_api.h", "acl_rt.h") { Note = "C++ overloads of functions of acl_rt.h; in C this file adds nothing to it." },
        new("acl/acl_dump.h", "acl_base.h"),
        new("acl/acl_platform.h", "acl_base.h"),
        new("acl/acl_prof.h", "acl_base.h"),
        new("acl/acl_tdt.h", "acl_base.h") { IsCppOnly = true, Note = "C++ only: acltdtTensorType is an enum tag without a typedef." },
        new("acl/acl_tdt_queue.h", "acl_base.h"),
        new("acl/acl_mdl.h", "acl_base.h", "acl_rt.h") { Note = NamesOnly },
        new("acl/acl_op.h", "acl_base.h", "acl_rt.h", "acl_dump.h") { Note = NamesOnly },
        new("acl/acl_op_compiler.h", "acl_base.h", "acl_op.h") { Note = NamesOnly },
        new("acl/ops/acl_cblas.h", "../acl_base.h", "../acl_op.h") { Note = NamesOnly },
        new("acl/acl.h", "acl_rt.h", "acl_op.h", "acl_mdl.h"),
    ];
}
