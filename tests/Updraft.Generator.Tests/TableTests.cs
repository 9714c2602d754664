using Microsoft.CodeAnalysis;

namespace Updraft.Generator.Tests;

/// <summary>UPDGEN006: a table that cannot be read is an error that names the file and the line, and nothing is generated.</summary>
public sealed class TableTests
{
    private const string Functions = "[acl/acl_rt.h]\n11-01 YYYYYY aclError aclrtFree(void* devPtr)\n";

    [Theory]
    [InlineData("[acl/acl_rt.h]\n11-01 YYYYYY\n", "interface/functions.txt(2): ")]
    [InlineData("[acl/acl_rt.h]\n\n# why\n11-01 YYYYY aclError aclrtFree(void* devPtr)\n", "interface/functions.txt(4): ")]
    public void BadFunctions_AreReportedWithFileAndLine(string functions, string beginning)
        => Reported(functions, GeneratorRun.Table[1].Text, GeneratorRun.Table[2].Text, beginning);

    [Theory]
    [InlineData("gibberish\n", "interface/types.txt(1): ")]
    [InlineData("\nstruct aclThing : tag=- typedef=y 8 8 [acl/acl_rt.h]\n  zero 8 void* first\n", "interface/types.txt(3): ")]
    [InlineData("struct aclThing : tag=- typedef=y [acl/acl_rt.h]\n", "interface/types.txt(1): ")]
    [InlineData("scalar [acl/acl_rt.h]\n", "interface/types.txt(1): ")]
    [InlineData("  1 8 void* nobody's\n", "interface/types.txt(1): ")]
    [InlineData("enum aclThing : tag=- typedef=y [acl/acl_rt.h]\n  ACL_THING = many\n", "interface/types.txt(2): ")]
    public void BadTypes_AreReportedWithFileAndLine(string types, string beginning)
        => Reported(Functions, types, GeneratorRun.Table[2].Text, beginning);

    [Fact]
    public void MissingFile_IsReported()
    {
        GeneratorRun run = GeneratorRun.Of("", GeneratorRun.Table[..2]);
        Assert.All(run.Diagnostics, diagnostic => Assert.Equal("UPDGEN006", diagnostic.Id));
        Assert.Contains("must be AdditionalFiles", run.Diagnostics[0].GetMessage(null), StringComparison.Ordinal);
        Assert.Empty(run.Files);
    }

    [Fact]
    public void UnknownType_IsReported()
        => Reported("[acl/acl_rt.h]\n11-01 YYYYYY aclError aclrtFree(aclrtUnheardOf devPtr)\n", GeneratorRun.Table[1].Text, GeneratorRun.Table[2].Text, "interface/types.txt has no type 'aclrtUnheardOf'");

    [Fact]
    public void GoodTable_IsNotReported() => Assert.Empty(GeneratorRun.Of("").Diagnostics);

    private static void Reported(string functions, string types, string constants, string beginning)
    {
        GeneratorRun run = GeneratorRun.Of("", [("functions.txt", functions), ("types.txt", types), ("constants.txt", constants)]);
        Assert.NotEmpty(run.Diagnostics);
        Assert.All(run.Diagnostics, diagnostic => Assert.Equal(("UPDGEN006", DiagnosticSeverity.Error), (diagnostic.Id, diagnostic.Severity)));
        Assert.Contains(run.Diagnostics, diagnostic => diagnostic.GetMessage(null).StartsWith(beginning, StringComparison.Ordinal));
    }
}
