using System.Text.RegularExpressions;

namespace Updraft.Device.Tests;

/// <summary>The reference pages of the small families against the code: who is described, and with which declaration.</summary>
public sealed unsafe partial class FamiliesDocumentationTests
{
    public static TheoryData<string> Pages => ["versions.md", "device-queries.md", "data-objects.md", "profiling.md"];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_DeclaresWhatTheTableDeclares_InTheOrderOfTheFormat(string page)
    {
        ReferencePages.HasTheFormat(page);
    }

    /// <summary>Coverage: what is implemented of these chapters is described, once.</summary>
    [Fact]
    public void ImplementedFunctions_AreDescribedOnce()
    {
        string[] described = ReferencePages.Described();
        for (int index = 0; index < Functions.Count; index++)
        {
            var function = (Function)index;
            if (Functions.IsImplemented(function) && Functions.Chapter(function) is "03" or "16" or "18" or "24" or "25-03" or "op" || Functions.IsImplemented(function) && Functions.Chapter(function).StartsWith("19", StringComparison.Ordinal))
            {
                Assert.True(described.Count(name => name == Functions.Name(function)) == 1, $"{Functions.Name(function)}: described {described.Count(name => name == Functions.Name(function))} times");
            }
        }
    }

    [Fact]
    public void KernelPage_ListsChapter14AndQuotesTheMessage()
    {
        string page = File.ReadAllText(Path.Combine(ReferencePages.Directory, "kernels.md"));
        string[] expected = [.. Enumerable.Range(0, Functions.Count).Where(index => Functions.Chapter((Function)index) == "14").Select(index => Functions.Name((Function)index))];
        Assert.Equal(expected, TableRow().Matches(page).Select(match => match.Groups[1].Value));
        using var machine = new TestMachine();
        fixed (byte* name = "add_custom\0"u8)
        {
            machine.Returns(207000, machine.Api.aclrtBinaryGetFunction(1, name, null));
        }
        string quoted = page.Split("```")[1].ReplaceLineEndings(" ").Trim();
        Assert.Contains(quoted, machine.Message(), StringComparison.Ordinal);
    }

    /// <summary>Every function of chapter 14 with a code refuses, names a kernel, and stores nothing.</summary>
    [Fact]
    public void KernelFunctions_AllRefuse()
    {
        using var machine = new TestMachine("950");
        foreach (string name in TableRow().Matches(File.ReadAllText(Path.Combine(ReferencePages.Directory, "kernels.md"))).Select(match => match.Groups[1].Value))
        {
            System.Reflection.MethodInfo method = typeof(AclApi).GetMethod(name)!;
            object?[] zeros = [.. method.GetParameters().Select(parameter => parameter.ParameterType.IsPointer ? System.Reflection.Pointer.Box(null, parameter.ParameterType) : Activator.CreateInstance(parameter.ParameterType))];
            object? result = method.Invoke(machine.Api, zeros);
            if (result is int code)
            {
                machine.Returns(207000, code, name);
                if (Chip.Supports(Enum.Parse<Function>(name)))
                {
                    Assert.Contains("kernel", machine.Message(), StringComparison.Ordinal);
                }
            }
        }
        Assert.Equal(0, machine.Api.aclrtGetLastError(0));
    }

    [GeneratedRegex(@"^\| `(\w+)`", RegexOptions.Multiline)]
    private static partial Regex TableRow();
}
