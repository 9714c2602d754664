using Updraft.Headers;

namespace Updraft.Interface.Tests;

public class PrintedHeadersTests
{
    [Fact]
    public void Headers_PrintedAgain_AreThoseInInclude()
    {
        var printed = HeaderPrinter.Print(Repository.Table);
        foreach ((string path, string text) in printed)
        {
            string file = Path.Combine(Repository.Include, path);
            Assert.True(File.Exists(file), $"include/{path} is missing; run eng/headers");
            Assert.True(text == File.ReadAllText(file), $"include/{path} is not what the table says; run eng/headers");
        }
        var present = Directory.EnumerateFiles(Repository.Include, "*.h", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Include, file));
        Assert.Equal(printed.Select(header => header.Path).Order(), present.Order());
    }

    [Fact]
    public void Header_AsText_HoldsEachDeclarationOnOneLine()
    {
        var texts = HeaderPrinter.Print(Repository.Table).ToDictionary(header => header.Path, header => header.Text);
        Assert.All(Repository.Table.Functions,
            function => Assert.Contains($" {function.Declaration};\n", texts[function.Header], StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Compiler.All), MemberType = typeof(Compiler))]
    public async Task Header_Alone_Compiles(string program, string standard)
    {
        Compiler compiler = await Compiler.GetOrSkip(program, standard);
        var headers = HeaderGraph.All.Where(header => compiler.IsCpp || !header.IsCppOnly);
        await Parallel.ForEachAsync(headers, TestContext.Current.CancellationToken, async (header, _) =>
            await compiler.Check($"#include \"{header.Path}\"\nint unit;\n"));
    }

    [Fact]
    public async Task TdtHeader_InC_IsRefusedWithAReason()
    {
        await Compiler.GetOrSkip("gcc", "c11");
        var result = await Tool.Run("gcc", ["-fsyntax-only", "-I" + Repository.Include, "-x", "c", "-"], "#include \"acl/acl_tdt.h\"\n");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("C++ only", result.Errors, StringComparison.Ordinal);
    }
}
