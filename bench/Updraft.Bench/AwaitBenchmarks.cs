using BenchmarkDotNet.Attributes;

namespace Updraft.Benchmarks;

/// <summary>
/// A copy of 4 KB and the wait for it, blocking and awaited. The task of the loop itself is what little is allocated: one in a thousand awaits
/// or more. A record of an event is an object of the emulated device.
/// </summary>
[MemoryDiagnoser]
[MedianColumn]
[WarmupCount(10)]
[IterationCount(31)]
public class AwaitBenchmarks
{
    private const int Elements = 1024, Waits = 1000;

    private Bed<float> _bed = null!;

    /// <summary>A machine in process.</summary>
    [GlobalSetup]
    public void Start() => _bed = new Bed<float>(Npu.Open(), Elements);

    /// <summary>The machine ends.</summary>
    [GlobalCleanup]
    public void Stop() => _bed.Dispose();

    /// <summary>NpuStream.Synchronize: the calling thread runs the copy itself.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Waits)]
    public void Synchronize()
    {
        for (int index = 0; index < Waits; index++)
        {
            _bed.Stream.Copy(_bed.Host, _bed.Memory);
            _bed.Stream.Synchronize();
        }
    }

    /// <summary>await NpuStream.SynchronizeAsync: asking runs what is short, so that the await is over at once.</summary>
    [Benchmark(OperationsPerInvoke = Waits)]
    public async Task SynchronizeAsync()
    {
        for (int index = 0; index < Waits; index++)
        {
            _bed.Stream.Copy(_bed.Host, _bed.Memory);
            await _bed.Stream.SynchronizeAsync();
        }
    }

    /// <summary>await of an event.</summary>
    [Benchmark(OperationsPerInvoke = Waits)]
    public async Task AwaitEvent()
    {
        for (int index = 0; index < Waits; index++)
        {
            _bed.Stream.Copy(_bed.Host, _bed.Memory);
            _bed.Stream.Record(_bed.Event);
            await _bed.Event;
        }
    }

    /// <summary>await behind a host function: threads of the library and of the pool wake each other up.</summary>
    [Benchmark(OperationsPerInvoke = Waits)]
    public async Task SynchronizeAsyncBehindFunction()
    {
        for (int index = 0; index < Waits; index++)
        {
            _bed.Stream.Launch(static _ => { }, null);
            await _bed.Stream.SynchronizeAsync();
        }
    }
}
