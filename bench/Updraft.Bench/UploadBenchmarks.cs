using BenchmarkDotNet.Attributes;

namespace Updraft.Benchmarks;

/// <summary>256 MiB to the device and waited for: what the types cost over the calls below them, asynchronous and not.</summary>
[MemoryDiagnoser]
[MedianColumn]
[WarmupCount(3)]
[IterationCount(21)]
public class UploadBenchmarks
{
    private const int Elements = 64 << 20;

    private Npu _npu = null!;
    private NpuDevice _device = null!;
    private NpuStream _stream = null!;
    private PinnedMemory<float> _host = null!;
    private DeviceMemory<float> _memory = null!;

    /// <summary>Memory that has been touched.</summary>
    [GlobalSetup]
    public void Start()
    {
        _npu = Npu.Open();
        _device = _npu.OpenDevice(0);
        _stream = _device.CreateStream();
        _host = _device.AllocateHost<float>(Elements);
        _memory = _device.Allocate<float>(Elements);
        _host.Span.Fill(1);
        _memory.Fill(0);
    }

    /// <summary>The machine ends.</summary>
    [GlobalCleanup]
    public void Stop()
    {
        foreach (IDisposable each in (IDisposable[])[_memory, _host, _stream, _device, _npu])
        {
            each.Dispose();
        }
    }

    /// <summary>aclrtMemcpyAsync and aclrtSynchronizeStream.</summary>
    [Benchmark(Baseline = true)]
    public unsafe void Raw()
    {
        AclApi api = _npu.Api;
        _device.Context.MakeCurrent();
        api.Ok(api.aclrtMemcpyAsync((void*)_memory.Address, (nuint)_memory.SizeBytes, _host.Pointer, (nuint)_host.SizeBytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, _stream.Handle));
        api.Ok(api.aclrtSynchronizeStream(_stream.Handle));
    }

    /// <summary>NpuStream.Copy and Synchronize.</summary>
    [Goal(1.05)]
    [Benchmark]
    public void Copy()
    {
        _stream.Copy(_host, _memory);
        _stream.Synchronize();
    }

    /// <summary>NpuStream.Copy and an await.</summary>
    [Benchmark]
    public async Task CopyAndAwait()
    {
        _stream.Copy(_host, _memory);
        await _stream.SynchronizeAsync();
    }

    /// <summary>aclrtMemcpy.</summary>
    [Benchmark]
    public unsafe void RawNow()
    {
        AclApi api = _npu.Api;
        _device.Context.MakeCurrent();
        api.Ok(api.aclrtMemcpy((void*)_memory.Address, (nuint)_memory.SizeBytes, _host.Pointer, (nuint)_host.SizeBytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE));
    }

    /// <summary>DeviceMemory.CopyFrom.</summary>
    [Benchmark]
    public void CopyNow() => _memory.CopyFrom(_host.Span);
}
