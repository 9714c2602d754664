using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Updraft.Analyzers.Tests;

/// <summary>Programs as people write them, compiled in memory against the API: what is reported, and what is not.</summary>
public sealed class CallTests
{
    private const string Before = """
        using System;
        using System.Threading.Tasks;
        using Updraft;
        using Updraft.Interop;
        static class Program
        {
            static readonly int[] s_array = new int[16];
            static void Main() { }
            static unsafe void Run(NpuStream stream, NpuEvent @event, CopyBatch batch, AclApi api, nint handle, PinnedMemory<int> pinned, DeviceMemory<int> memory, Memory<int> unknown, int[] given, void* address)
            {
        """;

    [Theory]
    [InlineData("stream.Copy(given.AsMemory(), memory);")]
    [InlineData("stream.Copy((ReadOnlyMemory<int>)given, memory);")]
    [InlineData("stream.Copy(new ReadOnlyMemory<int>(given), memory);")]
    [InlineData("stream.Copy(s_array.AsMemory(4, 8), memory[..8]);")]
    [InlineData("stream.Copy(given.AsMemory()[2..].Slice(1), memory);")]
    [InlineData("ReadOnlyMemory<int> source = new int[16]; stream.Copy(source, memory);")]
    [InlineData("Memory<int> target = given; stream.Copy(memory, target);")]
    [InlineData("var target = new int[16].AsMemory(); stream.Copy(memory[..4], target[..4]);")]
    [InlineData("stream.Copy(memory, new ArraySegment<int>(given).AsMemory());")]
    [InlineData("stream.Copy2D<int>(given.AsMemory(), 4, memory, 4, 2, 2);")]
    [InlineData("batch.Add<int>(given.AsMemory(), memory);")]
    [InlineData("batch.Add(memory.AsSlice(), given.AsMemory());")]
    public async Task ManagedMemory_IsReported(string code) => Assert.Equal("UPD001", Assert.Single(await Analyze(code)).Id);

    [Theory]
    [InlineData("stream.Copy(pinned, memory);")]
    [InlineData("stream.Copy(pinned[..4], memory);")]
    [InlineData("stream.Copy(pinned.Memory, memory);")]
    [InlineData("Memory<int> part = pinned; stream.Copy(memory, part);")]
    [InlineData("stream.Copy(unknown, memory);")]
    [InlineData("Memory<int> part = given; part = pinned; stream.Copy(memory, part);")]
    [InlineData("stream.CopyPageable<int>(given, memory);")]
    [InlineData("stream.CopyBuffered<int>(given, memory);")]
    [InlineData("memory.CopyFrom(given);")]
    public async Task OtherMemory_IsNotReported(string code) => Assert.Empty(await Analyze(code));

    [Theory]
    [InlineData("stream.SynchronizeAsync();")]
    [InlineData("@event.WaitAsync();")]
    [InlineData("stream.DisposeAsync();")]
    [InlineData("Action action = () => { stream.SynchronizeAsync(); };")]
    public async Task DroppedAwaitable_IsReported(string code) => Assert.Equal("UPD002", Assert.Single(await Analyze(code)).Id);

    [Theory]
    [InlineData("_ = stream.SynchronizeAsync();")]
    [InlineData("var wait = stream.SynchronizeAsync();")]
    [InlineData("stream.SynchronizeAsync().AsTask().Wait();")]
    [InlineData("stream.Synchronize();")]
    [InlineData("Func<ValueTask> function = () => stream.SynchronizeAsync();")]
    public async Task AwaitableThatIsUsed_IsNotReported(string code) => Assert.Empty(await Analyze(code));

    [Fact]
    public async Task DroppedAwaitable_InAnAsynchronousFunction_IsLeftToTheCompiler()
    {
        const string Code = "} static async Task Later(NpuStream stream) { await Task.Yield(); stream.SynchronizeAsync();";
        Assert.Empty(await Analyze(Code, allowed: "CS4014"));
    }

    [Theory]
    [InlineData("fixed (int* p = given) { api.aclrtMemcpyAsync(address, 64, p, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle); }", "an array")]
    [InlineData("fixed (int* p = &given[2]) { api.aclrtMemcpyAsync(p, 64, address, 64, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, handle); }", "an array")]
    [InlineData("int* p = stackalloc int[16]; api.aclrtMemcpyAsync(address, 64, p + 2, 8, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle);", "memory of stackalloc")]
    [InlineData("long value = 1; api.aclrtMemcpyAsync(address, 8, &value, 8, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle);", "a variable")]
    [InlineData("fixed (int* p = given) { api.aclrtMemcpy2dAsync(address, 64, p, 64, 4, 1, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle); }", "an array")]
    public async Task PageableMemory_IsReported(string code, string what)
    {
        Diagnostic diagnostic = Assert.Single(await Analyze(code));
        Assert.Equal("UPD003", diagnostic.Id);
        Assert.Contains(what, diagnostic.GetMessage());
    }

    [Theory]
    [InlineData("api.aclrtMemcpyAsync(address, 64, pinned.Pointer, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle);")]
    [InlineData("fixed (int* p = given) { api.aclrtMemcpyAsync(address, 64, p, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, handle); }")]
    [InlineData("fixed (int* p = given) { api.aclrtMemcpy(address, 64, p, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE); }")]
    [InlineData("fixed (int* p = pinned.Span) { api.aclrtMemcpyAsync(address, 64, p, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle); }")]
    [InlineData("void* p; api.aclrtMallocHost(&p, 64); api.aclrtMemcpyAsync(address, 64, p, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle);")]
    [InlineData("int* p = stackalloc int[16]; p = pinned.Pointer; api.aclrtMemcpyAsync(address, 64, p, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, handle);")]
    public async Task OtherPointers_AreNotReported(string code) => Assert.Empty(await Analyze(code));

    /// <summary>What needs no analyzer: it does not compile.</summary>
    [Theory]
    [InlineData("stream.Copy<int>(given.AsSpan(), memory);", "CS0619")]
    [InlineData("stream.Copy<int>(memory, stackalloc int[4]);", "CS0619")]
    [InlineData("stream.Copy(pinned, pinned);", "CS1503")]
    [InlineData("stream.Copy(pinned, default(DeviceMemory<long>)!);", "CS1503")]
    public void WhatTheTypesForbid_DoesNotCompile(string code, string error) =>
        Assert.Contains(Compile(code).GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error && (diagnostic.Id == error || error == "CS1503" && diagnostic.Id is "CS0411" or "CS1503"));

    [Fact]
    public void Rules_AreDescribedInTheDocumentation()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory != null && !File.Exists(Path.Combine(directory, "Updraft.slnx")))
        {
            directory = Path.GetDirectoryName(directory);
        }
        string text = File.ReadAllText(Path.Combine(directory!, "docs", "dotnet.md"));
        Assert.All(new CallAnalyzer().SupportedDiagnostics, rule =>
        {
            Assert.Equal("docs/dotnet.md#" + rule.Id.ToLowerInvariant(), rule.HelpLinkUri);
            Assert.Contains($"### {rule.Id}\n", text);
        });
    }

    private static async Task<ImmutableArray<Diagnostic>> Analyze(string code, string allowed = "")
    {
        CSharpCompilation compilation = Compile(code);
        Assert.DoesNotContain(compilation.GetDiagnostics(), diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != allowed && diagnostic.Id is not ("CS0219" or "CS8321" or "CS0168"));
        return await compilation.WithAnalyzers([new CallAnalyzer()]).GetAnalyzerDiagnosticsAsync();
    }

    private static CSharpCompilation Compile(string code)
    {
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        IEnumerable<string> references = Directory.GetFiles(framework, "System.*.dll").Where(IsManaged)
            .Append(Path.Combine(framework, "netstandard.dll")).Append(typeof(Npu).Assembly.Location).Append(typeof(Interop.AclApi).Assembly.Location);
        return CSharpCompilation.Create("program", [CSharpSyntaxTree.ParseText(Before + code + " } }", new CSharpParseOptions(LanguageVersion.Latest))],
            references.Select(path => MetadataReference.CreateFromFile(path)), new CSharpCompilationOptions(OutputKind.ConsoleApplication, allowUnsafe: true));
    }

    private static bool IsManaged(string path) => !Path.GetFileName(path).Contains(".Native", StringComparison.Ordinal);
}
