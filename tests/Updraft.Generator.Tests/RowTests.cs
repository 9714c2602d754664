using Microsoft.CodeAnalysis;

namespace Updraft.Generator.Tests;

/// <summary>A row that does not fit its C declaration is a compile error; one that fits is stamped. Every rule with a wrong row and a near-identical right one.</summary>
public sealed class RowTests
{
    [Theory]
    // UPDGEN001: not in the table.
    [InlineData("static void aclrtFreee(void* devPtr) { }", "UPDGEN001", "'aclrtFreee' is not a function of interface/functions.txt")]
    // UPDGEN002: the number of parameters.
    [InlineData("static void aclrtFree() { }", "UPDGEN002", "'aclrtFree' takes 0 parameters, the C function 1: aclError aclrtFree(void* devPtr)")]
    [InlineData("static void aclrtFree(void* devPtr, int more) { }", "UPDGEN002", "takes 2 parameters")]
    // UPDGEN003: how a parameter travels.
    [InlineData("static void aclrtFree(int devPtr) { }", "UPDGEN003", "parameter 'devPtr' is int, but 'void* devPtr' is a pointer, handle or callback")]
    [InlineData("static void aclrtFree(long devPtr) { }", "UPDGEN003", "a pointer")]
    [InlineData("static void aclrtFree(TwoWords devPtr) { }", "UPDGEN003", "a pointer")]
    [InlineData("static void aclrtFree(ref byte devPtr) { }", "UPDGEN003", "a pointer")]
    [InlineData("static void aclrtMalloc(void** devPtr, uint size, aclrtMemMallocPolicy policy) { }", "UPDGEN003", "an integer of 8 bytes (nuint)")]
    [InlineData("static void aclrtMalloc(void** devPtr, nuint size, long policy) { }", "UPDGEN003", "an integer or enum of 4 bytes")]
    [InlineData("static void aclrtMalloc(void** devPtr, nuint size, aclrtUuid policy) { }", "UPDGEN003", "an integer or enum of 4 bytes")]
    [InlineData("static float aclFloat16ToFloat(uint value) => 0;", "UPDGEN003", "an integer of 2 bytes (ushort)")]
    [InlineData("static ushort aclFloatToFloat16(double value) => 0;", "UPDGEN003", "is float")]
    [InlineData("static nint aclprofCreateSubscribeConfig(int timeInfoSwitch, aclprofAicoreMetrics aicoreMetrics, void* fd) => 0;", "UPDGEN003", "an integer of 1 byte (sbyte)")]
    [InlineData("static void aclrtGetMemUceInfo(int deviceId, void* memUceInfoArray, nuint arraySize, int retSize) { }", "UPDGEN003", "a pointer")]
    [InlineData("static void aclrtLaunchSIMTKernelWithArgsArray(void* func, aclrtUuid gridDim, dim3 blockDim, nuint dynUbufSize, nint stream, void* cfg, void** args) { }", "UPDGEN003", "the struct dim3 of 12 bytes")]
    // UPDGEN004: what is returned.
    [InlineData("static int aclrtFree(void* devPtr) => 0;", "UPDGEN004", "needs void or AclError")]
    [InlineData("static double aclFloat16ToFloat(ushort value) => 0;", "UPDGEN004", "needs float")]
    [InlineData("static uint aclDataTypeSize(aclDataType dataType) => 0;", "UPDGEN004", "an integer of 8 bytes (nuint)")]
    [InlineData("static int aclCreateDataBuffer(void* data, nuint size) => 0;", "UPDGEN004", "a pointer")]
    [InlineData("static int aclprofDestroyStamp(void* stamp) => 0;", "UPDGEN004", "needs nothing")]
    // UPDGEN005: twice.
    [InlineData("static void aclrtFree(void* devPtr) { } static void aclrtFree(nint devPtr) { }", "UPDGEN005", "'aclrtFree' has a row already")]
    // UPDGEN007: variadic.
    [InlineData("static void aclAppLog(int level, byte* func, byte* file, uint line, byte* fmt) { }", "UPDGEN007", "'aclAppLog' is variadic")]
    public void WrongRow_IsReportedAtItsPlace(string row, string id, string message)
    {
        Diagnostic diagnostic = Assert.Single(GeneratorRun.Of(row).Diagnostics);
        Assert.Equal(id, diagnostic.Id);
        Assert.Equal(DiagnosticSeverity.Error, diagnostic.Severity);
        Assert.Contains(message, diagnostic.GetMessage(null), StringComparison.Ordinal);
        Assert.Equal("Exports.cs", diagnostic.Location.GetLineSpan().Path);
        Assert.Equal(GeneratorRun.RowLine, diagnostic.Location.GetLineSpan().StartLinePosition.Line);
    }

    [Theory]
    [InlineData("static void aclrtFree(void* devPtr) { }")]
    [InlineData("static void aclrtFree(byte* devPtr) { }")]
    [InlineData("static void aclrtFree(nint devPtr) { }")]
    [InlineData("static AclError aclrtFree(StreamHandle devPtr) => 0;")]
    [InlineData("static void aclrtMalloc(void** devPtr, nuint size, aclrtMemMallocPolicy policy) { }")]
    [InlineData("static void aclrtMalloc(void** devPtr, ulong size, int policy) { }")]
    [InlineData("static float aclFloat16ToFloat(ushort value) => 0;")]
    [InlineData("static ushort aclFloatToFloat16(float value) => 0;")]
    [InlineData("static nuint aclDataTypeSize(aclDataType dataType) => 0;")]
    [InlineData("static nint aclCreateDataBuffer(void* data, nuint size) => 0;")]
    [InlineData("static void aclprofDestroyStamp(StreamHandle stamp) { }")]
    [InlineData("static nint aclprofCreateSubscribeConfig(sbyte timeInfoSwitch, aclprofAicoreMetrics aicoreMetrics, void* fd) => 0;")]
    [InlineData("static void aclrtLaunchSIMTKernelWithArgsArray(void* func, dim3 gridDim, dim3 blockDim, nuint dynUbufSize, nint stream, void* cfg, void** args) { }")]
    [InlineData("static void aclrtFree(void* devPtr) { } static void aclrtFreeHost(void* hostPtr) { }")]
    [InlineData("static void Helper(int anything) { }")]
    public void RightRow_IsNotReported(string row) => Assert.Empty(GeneratorRun.Of(row).Diagnostics);

    [Fact]
    public void SeveralWrongRows_AreAllReported()
        => Assert.Equal(["UPDGEN001", "UPDGEN003", "UPDGEN003", "UPDGEN004"], GeneratorRun.Of("static void aclrtNo() { } static int aclrtMalloc(int devPtr, int size, aclrtMemMallocPolicy policy) => 0;").Ids.Order());

    [Fact]
    public void WrongRow_IsNotStamped_TheFunctionStaysRefused()
    {
        string entries = GeneratorRun.Of("static void aclrtFree(int devPtr) { }").File("EntryPoints.g.cs");
        Assert.DoesNotContain("Enter_aclrtFree(", entries, StringComparison.Ordinal);
        Assert.Contains("aclrtFree(void* ", entries, StringComparison.Ordinal);
    }

    [Fact]
    public void RightRow_IsStamped_WithTraceAndCatch()
    {
        GeneratorRun run = GeneratorRun.Of("static void aclrtFree(void* devPtr) { }");
        string entries = run.File("EntryPoints.g.cs");
        Assert.Contains("[UnmanagedCallersOnly(EntryPoint = \"aclrtFree\"", entries, StringComparison.Ordinal);
        Assert.Contains("=> Exports.Enter_aclrtFree(devPtr);", entries, StringComparison.Ordinal);
        Assert.Contains("Rows.Fail(Function.aclrtFree, __caught)", entries, StringComparison.Ordinal);
        Assert.Contains("if (Trace.Calls) { Trace_aclrtFree(devPtr); }", entries, StringComparison.Ordinal);
        Assert.DoesNotContain("Chip.Supports(Function.aclrtFree)", entries, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("[ChecksChip] ", false)]
    public void ChipTest_IsStampedUnlessTheRowMakesIt(string attribute, bool expected)
    {
        string entries = GeneratorRun.Of(attribute + "static void aclrtSetGroup(int groupId) { }").File("EntryPoints.g.cs");
        Assert.Equal(expected, entries.Contains("if (!Chip.Supports(Function.aclrtSetGroup))", StringComparison.Ordinal));
    }

    [Fact]
    public void EveryFunction_HasAnEntryAndACall_WithoutAnyRow()
    {
        GeneratorRun run = GeneratorRun.Of("");
        string entries = run.File("EntryPoints.g.cs"), calls = run.File("AclApi.g.cs");
        string[] names = [.. Interface.InterfaceTable.Parse(GeneratorRun.Table[0].Text, GeneratorRun.Table[1].Text, GeneratorRun.Table[2].Text).Functions.Where(function => !function.IsVariadic).Select(function => function.Name)];
        Assert.True(names.Length > 680, $"{names.Length} functions");
        foreach (string name in names)
        {
            Assert.Contains($"EntryPoint = \"{name}\"", entries, StringComparison.Ordinal);
            Assert.Contains($" {name}(", calls, StringComparison.Ordinal);
        }
        Assert.Contains("aclAppLog = ", run.File("Functions.g.cs"), StringComparison.Ordinal);
        Assert.DoesNotContain("EntryPoint = \"aclAppLog\"", entries, StringComparison.Ordinal);
    }

    /// <summary>In process the row itself is called, no pointer; a function without a row refuses there as its entry does.</summary>
    [Fact]
    public void Calls_GoToTheRow_OrThroughAPointer()
    {
        string calls = GeneratorRun.Of("static void aclrtFree(void* devPtr) { }").File("AclApi.g.cs");
        Assert.Contains("if (_functions == null) { return Updraft.Device.Exports.Enter_aclrtFree((void*)devPtr); }", calls, StringComparison.Ordinal);
        Assert.Contains("if (_functions == null) { return Updraft.Device.Rows.Refused(Updraft.Device.Function.aclrtFreeHost); }", calls, StringComparison.Ordinal);
        Assert.Contains("(delegate* unmanaged[Cdecl]<void*, int>)_functions[", calls, StringComparison.Ordinal);
    }

    /// <summary>The flag with value 4 is what coverage counts; a row that only refuses in its own words does not have it.</summary>
    [Theory]
    [InlineData("static void aclrtFree(void* devPtr) { }", 4)]
    [InlineData("[Refuses] static void aclrtFree(void* devPtr) { }", 0)]
    [InlineData("", 0)]
    public void Implemented_IsARowThatDoesNotRefuse(string row, int expected)
    {
        GeneratorRun run = GeneratorRun.Of(row);
        Assert.Empty(run.Diagnostics);
        string functions = run.File("Functions.g.cs");
        int index = Interface.InterfaceTable.Parse(GeneratorRun.Table[0].Text, GeneratorRun.Table[1].Text, GeneratorRun.Table[2].Text).Functions.FindIndex(function => function.Name == "aclrtFree");
        string line = functions.Split('\n').Single(text => text.Contains(" Flags =>", StringComparison.Ordinal));
        string[] flags = line[(line.IndexOf('{') + 1)..line.IndexOf('}')].Split(',');
        Assert.Equal(expected, int.Parse(flags[index], null) & 4);
        Assert.Equal(row.Length > 0, run.File("EntryPoints.g.cs").Contains("Enter_aclrtFree(", StringComparison.Ordinal));
    }

    [Fact]
    public void RowsOfAnotherNamespace_AreNotRows()
        => Assert.Empty(GeneratorRun.OfSource("namespace Other { static class Exports { static void aclrtNo() { } } }").Diagnostics);

    [Fact]
    public void UnrelatedEdit_StampsNothingAgain()
    {
        var compilation = GeneratorRun.Compile("namespace Updraft.Device { static unsafe partial class Exports { static void aclrtFree(void* devPtr) { } } }");
        GeneratorDriver driver = GeneratorRun.Driver(GeneratorRun.Table).RunGenerators(compilation);
        driver = driver.RunGenerators(compilation.AddSyntaxTrees(Microsoft.CodeAnalysis.CSharp.CSharpSyntaxTree.ParseText("class Other { void Method() { } }")));
        Assert.All(driver.GetRunResult().Results[0].TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(step => step.Outputs),
            output => Assert.True(output.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, output.Reason.ToString()));
    }
}
