using Updraft.Interface;

namespace Updraft.Headers;

/// <summary>
/// Prints the C++ overloads: inline functions that only forward.
/// <para>Arguments are matched by position. Where the C function wants more than the overload has, the overload is the
/// short form: one attribute (or location) for the whole batch instead of arrays, or the usual allocation policy.</para>
/// <para>A typed pointer is cast to void*, so that a template that forwards to the C function of its own name
/// finds that one and not itself.</para>
/// </summary>
internal static class OverloadPrinter
{
    private const string PolicyType = "aclrtMemMallocPolicy", UsualPolicy = "ACL_MEM_MALLOC_HUGE_FIRST";

    public static void Print(InterfaceTable table, CWriter writer)
    {
        writer.Line("#ifdef __cplusplus");
        foreach (COverload overload in table.Overloads)
        {
            CFunction target = table.Functions.Single(function => function.Name == overload.Target);
            writer.Blank();
            Print(overload, target, writer);
        }
        writer.Blank();
        writer.Line("#endif");
    }

    private static void Print(COverload overload, CFunction target, CWriter writer)
    {
        var statements = new List<string>();
        var arguments = new List<string>();
        var given = new Queue<CParameter>(overload.Parameters);
        while (arguments.Count < target.Parameters.Count)
        {
            CParameter wanted = target.Parameters[arguments.Count];
            if (wanted.Type == PolicyType && given.Peek().Type != PolicyType)
            {
                arguments.Add(UsualPolicy);
                continue;
            }
            CParameter parameter = given.Dequeue();
            if (wanted.Type == parameter.Type + "*")
            {
                // One for all: entry 0 applies from index 0 on.
                statements.Add("size_t first = 0;");
                arguments.AddRange([$"&{parameter.Name}", "&first", "1"]);
            }
            else
            {
                arguments.Add(Cast(parameter, wanted));
            }
        }
        statements.AddRange(given.Select(unused => $"(void){unused.Name};"));
        statements.Add($"return {target.Name}({string.Join(", ", arguments)});");

        if (overload.Template != "")
        {
            writer.Line(overload.Template);
        }
        string parameters = string.Join(", ", overload.Parameters.Select(
            parameter => $"{parameter.Type} {parameter.Name}" + (parameter.Default == "" ? "" : $" = {parameter.Default}")));
        writer.Block($"inline {overload.ReturnType} {overload.Name}({parameters}) {{", () => statements.ForEach(writer.Line), "}");
    }

    private static string Cast(CParameter parameter, CParameter wanted) => parameter.Type == wanted.Type ? parameter.Name : parameter.Type switch
    {
        var type when type.EndsWith('&') => $"static_cast<{wanted.Type}>(&{parameter.Name})",
        var type when type.EndsWith("**", StringComparison.Ordinal) => $"reinterpret_cast<{wanted.Type}>({parameter.Name})",
        _ => $"static_cast<{wanted.Type}>({parameter.Name})",
    };
}
