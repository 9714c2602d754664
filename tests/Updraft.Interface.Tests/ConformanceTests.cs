using Updraft.Headers;

namespace Updraft.Interface.Tests;

public class ConformanceTests
{
    [Theory, MemberData(nameof(Compiler.All), MemberType = typeof(Compiler))]
    public async Task PrintedSource_AgainstHeaders_Compiles(string program, string standard)
    {
        Compiler compiler = await Compiler.GetOrSkip(program, standard);
        await compiler.Check(Source(compiler), "-Wno-deprecated-declarations");
    }

    [Theory]
    [InlineData("sizeof(aclrtPtrAttributes) == 28", "sizeof(aclrtPtrAttributes) == 32")]
    [InlineData("offsetof(aclrtRandomNumFuncParaInfo, paramInfo.normalDisInfo) == 4", "offsetof(aclrtRandomNumFuncParaInfo, paramInfo.normalDisInfo) == 8")]
    [InlineData("ACL_MEMCPY_DEVICE_TO_HOST == 2", "ACL_MEMCPY_DEVICE_TO_HOST == 3")]
    [InlineData("pointer_aclrtMalloc)(void** devPtr", "pointer_aclrtMalloc)(void* devPtr")]
    [InlineData("case (int)ACL_ERROR_INVALID_PARAM:", "case (int)ACL_ERROR_INVALID_PARAM: case 100000:")]
    public async Task PrintedSource_WithOneFalseStatement_IsRefused(string right, string wrong)
    {
        Compiler compiler = await Compiler.GetOrSkip("gcc", "c11");
        string source = Source(compiler);
        Assert.Contains(right, source, StringComparison.Ordinal);
        await Assert.ThrowsAsync<Xunit.Sdk.TrueException>(() => compiler.Check(source.Replace(right, wrong), "-Wno-deprecated-declarations"));
    }

    [Theory]
    [InlineData("gcc", "c11")]
    [InlineData("g++", "c++11")]
    public async Task ErrorCode_AsCaseLabel_Compiles(string program, string standard)
    {
        Compiler compiler = await Compiler.GetOrSkip(program, standard);
        var codes = Repository.Table.Constants.Where(constant => constant.IsErrorCode).ToList();
        Assert.Equal(253, codes.Count);
        // One label per value: several names stand for 0.
        var labels = codes.DistinctBy(code => code.Value).Select(code => $"case {code.Name}: return {code.Value};\n");
        var aliases = codes.Select(code => $"int is_{code.Name}(aclError error) {{ switch (error) {{ case {code.Name}: return 1; default: return 0; }} }}\n");
        await compiler.Check($"#include \"acl/acl.h\"\nint known(int error) {{ switch (error) {{\n{string.Concat(labels)}default: return -1; }} }}\n{string.Concat(aliases)}");
    }

    /// <summary>Programs kept in tests/c/conformance: uses of the interface as users write them.</summary>
    [Theory, MemberData(nameof(Compiler.All), MemberType = typeof(Compiler))]
    public async Task HandWrittenSource_Compiles(string program, string standard)
    {
        Compiler compiler = await Compiler.GetOrSkip(program, standard);
        foreach (string file in Directory.EnumerateFiles(Repository.ConformanceSources, compiler.IsCpp ? "*.cpp" : "*.c"))
        {
            await compiler.Check(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        }
    }

    internal static string Source(Compiler compiler) =>
        ConformancePrinter.Print(Repository.Table).Single(source => source.Path == (compiler.IsCpp ? "conformance.cpp" : "conformance.c")).Text;
}
