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

    private Npu _npu = null!;
    private NpuDevice _device = null!;
    private NpuStream _stream = null!;
    private NpuEvent _event = null!;
    private PinnedMemory<float> _host = null!;
    private DeviceMemory<float> _memory = null!;

    /// <summary>Memory that has been touched.</summary>
    [GlobalSetup]
    public void Start()
    {
        _npu = Npu.Open();
        _device = _npu.OpenDevice(0);
        _stream = _device.CreateStream();
        _event = _device.CreateEvent();
        _host = _device.AllocateHost<float>(Elements);
        _memory = _device.Allocate<float>(Elements);
        _host.Span.Fill(1);
    }

    /// <summary>The machine ends.</summary>
    [GlobalCleanup]
    public void Stop()
    {
        foreach (IDisposable each in (IDisposable[])[_memory, _host, _event, _stream, _device, _npu])
        {
            each.Dispose();
        }
    }

    /// <summary>NpuStream.Synchronize: the calling thread runs the copy itself.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Waits)]
    public void Synchronize()
    {
        for (int index = 0; index < Waits; index++)
        {
            _stream.Copy(_host, _memory);
            _stream.Synchronize();
        }
    }

    /// <summary>await NpuStream.SynchronizeAsync: asking runs what is short, so that the await is over at once.</summary>
    [Benchmark(OperationsPerInvoke = Waits)]
    public async Task SynchronizeAsync()
    {
        for (int index = 0; index < Waits; index++)
        {
            _stream.Copy(_host, _memory);
            await _stream.SynchronizeAsync();
        }
    }

    /// <summary>await of an event.</summary>
    [Benchmark(OperationsPerInvoke = Waits)]
    public async Task AwaitEvent()
    {
        for (int index = 0; index < Waits; index++)
        {
            _stream.Copy(_host, _memory);
            _stream.Record(_event);
            await _event;
        }
    }

    /// <summary>await behind a host function: threads of the library and of the pool wake each other up.</summary>
    [Benchmark(OperationsPerInvoke = Waits)]
    public async Task SynchronizeAsyncBehindFunction()
    {
        for (int index = 0; index < Waits; index++)
        {
            _stream.Launch(static _ => { }, null);
            await _stream.SynchronizeAsync();
        }
    }
}
