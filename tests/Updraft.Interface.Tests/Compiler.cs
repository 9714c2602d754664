namespace Updraft.Interface.Tests;

/// <summary>A C or C++ compiler in one language standard, with the warnings that users of the headers may have on.</summary>
internal sealed record Compiler(string Program, string Standard)
{
    private static readonly string[] CStandards = ["c11"], CppStandards = ["c++11", "c++14", "c++17", "c++20"];

    public bool IsCpp => Standard.StartsWith("c++", StringComparison.Ordinal);

    /// <summary>Every compiler and standard that the headers promise to work with.</summary>
    public static TheoryData<string, string> All()
    {
        var all = new TheoryData<string, string>();
        foreach ((string program, string[] standards) in (ReadOnlySpan<(string, string[])>)
            [("gcc", CStandards), ("g++", CppStandards), ("clang", CStandards), ("clang++", CppStandards)])
        {
            foreach (string standard in standards)
            {
                all.Add(program, standard);
            }
        }
        return all;
    }

    public static async Task<Compiler> GetOrSkip(string program, string standard)
    {
        Assert.SkipUnless(await Tool.Exists(program), $"{program} is not installed");
        return new Compiler(program, standard);
    }

    /// <summary>Compiles without output; the compiler's words fail the test.</summary>
    public Task Check(string source, params string[] options) => Run(source, ["-fsyntax-only", .. options]);

    public async Task Run(string source, string[] options, string[]? libraries = null)
    {
        string[] arguments =
        [
            "-std=" + Standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-I" + Repository.Include, .. options,
            "-x", IsCpp ? "c++" : "c", "-", "-x", "none", .. libraries ?? [],
        ];
        Tool.Result result = await Tool.Run(Program, arguments, source);
        Assert.True(result.ExitCode == 0, $"{Program} {string.Join(' ', arguments)}\n{result.Errors}");
    }
}
