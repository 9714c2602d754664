using System.Collections.Generic;
using System.Linq;
using System.Text;
using Updraft.Interface;

namespace Updraft.Generator;

/// <summary>Error codes: <c>ACL_ERROR_RT_PARAM_INVALID</c> becomes <c>AclError.RtParamInvalid</c>; and the names back from the numbers.</summary>
internal static class ErrorsWriter
{
    public static string Write(InterfaceTable table)
    {
        List<CConstant> errors = table.Constants.Where(constant => constant.IsErrorCode).OrderBy(constant => constant.Value).ToList();
        // A number with several names is called by the one that is not deprecated.
        List<CConstant> named = errors.GroupBy(error => error.Value).Select(same => same.FirstOrDefault(error => !error.IsDeprecated) ?? same.First()).ToList();

        var code = new Code(Code.Common);
        code.Summary("Result of a C function.");
        code.Block("public enum AclError : int", () =>
        {
            foreach (CConstant error in errors)
            {
                code.Summary($"C: {error.Name}" + (error.Meaning.Length > 0 ? ": " + error.Meaning : "") + (error.IsDeprecated && error.ReplacedBy.Length > 0 ? $"; now {error.ReplacedBy}" : ""));
                code.Line($"{Name(error.Name)} = {error.Value},");
            }
        });
        code.Line();
        code.Summary("What an error code is called in C, and what it means.");
        code.Block("internal static class AclErrorNames", () =>
        {
            code.Summary("The C name, or the number where there is none.");
            code.Switch("public static string Of(int code) => code switch", () =>
            {
                named.ForEach(error => code.Line($"{error.Value} => {Code.Literal(error.Name)},"));
                code.Line("_ => code.ToString(System.Globalization.CultureInfo.InvariantCulture),");
            });
            code.Line();
            code.Summary("The meaning in a few words, or nothing.");
            code.Switch("public static string Meaning(int code) => code switch", () =>
            {
                named.ForEach(error => code.Line($"{error.Value} => {Code.Literal(error.Meaning)},"));
                code.Line("_ => \"\",");
            });
        });
        return code.ToString();
    }

    internal static string Name(string cname)
    {
        string words = cname == "ACL_SUCCESS" ? "SUCCESS" : cname.Substring("ACL_ERROR_".Length);
        var name = new StringBuilder();
        foreach (string word in words.Split('_').Where(word => word.Length > 0))
        {
            name.Append(word[0]).Append(word.Substring(1).ToLowerInvariant());
        }
        return name.ToString();
    }
}
