namespace Updraft.Benchmarks;

/// <summary>What bench/run has made.</summary>
internal static class Paths
{
    /// <summary>The library to compare with.</summary>
    internal static string Library => Of("UPDRAFT_BENCH_LIBRARY");

    /// <summary>calls.c, compiled.</summary>
    internal static string Calls => Of("UPDRAFT_BENCH_CALLS");

    private static string Of(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } path ? path
        : throw new InvalidOperationException($"{name} is not set; run this with ./bench/run --dotnet");
}
