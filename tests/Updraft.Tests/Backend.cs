[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Updraft.Tests;

/// <summary>
/// Where a body of tests runs: on the rows in process, on our built library (./test and UPDRAFT_PREFIX say where), on the library that
/// ACL_REAL names. A derived class of each body chooses one; tests of a backend that is not there skip themselves and say so.
/// </summary>
public abstract class Backend
{
    /// <summary>Any stream that does not come to its end within this time has failed.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    internal abstract Npu Open();

    /// <summary>What a function that nobody has written yet, or that the chip lacks, skips a test with.</summary>
    internal static void SkipWithout(Action action)
    {
        try
        {
            action();
        }
        catch (AclException exception) when (exception.Code == AclError.RtFeatureNotSupport)
        {
            Assert.Skip($"{exception.Function} is not there: {exception.Message}");
        }
    }

    /// <summary>Holds the stream until the gate is opened; disposing opens it.</summary>
    internal static Gate Hold(NpuStream stream) => new(stream);

    internal static bool IsPrefixThere => Environment.GetEnvironmentVariable("UPDRAFT_PREFIX") is { Length: > 0 } prefix && File.Exists(LibraryOf(prefix));

    internal static string LibraryOf(string prefix) => Path.Combine(prefix, "lib64", "libascendcl.so");

    internal static Npu OpenLibrary()
    {
        Assert.SkipUnless(IsPrefixThere, "UPDRAFT_PREFIX does not name an installed tree");
        return Npu.Load(LibraryOf(Environment.GetEnvironmentVariable("UPDRAFT_PREFIX")!));
    }

    internal static Npu OpenReal()
    {
        string? path = Environment.GetEnvironmentVariable("ACL_REAL");
        Assert.SkipWhen(string.IsNullOrEmpty(path), "ACL_REAL does not name a library");
        return Npu.Load(path!);
    }
}

/// <summary>A host function that waits: keeps a stream busy for exactly as long as a test wants.</summary>
internal sealed class Gate : IDisposable
{
    private readonly ManualResetEventSlim _entered = new(), _opened = new();

    private readonly NpuStream _stream;

    internal Gate(NpuStream stream)
    {
        _stream = stream;
        stream.Launch(() =>
        {
            _entered.Set();
            _opened.Wait();
        });
    }

    /// <summary>Asks meanwhile: under some schedules nothing runs otherwise.</summary>
    internal void WaitUntilEntered() =>
        Assert.True(SpinWait.SpinUntil(() => _entered.IsSet || !_stream.IsIdle && _entered.Wait(1), Backend.Limit), "the stream never came to the gate");

    internal void Open() => _opened.Set();

    public void Dispose() => Open();
}
