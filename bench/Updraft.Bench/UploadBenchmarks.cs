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

    private Bed<float> _bed = null!;

    /// <summary>A machine in process.</summary>
    [GlobalSetup]
    public void Start() => _bed = new Bed<float>(Npu.Open(), Elements);

    /// <summary>The machine ends.</summary>
    [GlobalCleanup]
    public void Stop() => _bed.Dispose();

    /// <summary>aclrtMemcpyAsync and aclrtSynchronizeStream.</summary>
    [Benchmark(Baseline = true)]
    public unsafe void Raw()
    {
        AclApi api = _bed.Api;
        _bed.MakeCurrent();
        api.Ok(api.aclrtMemcpyAsync((void*)_bed.Memory.Address, (nuint)_bed.Memory.SizeBytes, _bed.Host.Pointer, (nuint)_bed.Host.SizeBytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, _bed.Stream.Handle));
        api.Ok(api.aclrtSynchronizeStream(_bed.Stream.Handle));
    }

    /// <summary>NpuStream.Copy and Synchronize.</summary>
    [Goal(1.05)]
    [Benchmark]
    public void Copy()
    {
        _bed.Stream.Copy(_bed.Host, _bed.Memory);
        _bed.Stream.Synchronize();
    }

    /// <summary>NpuStream.Copy and an await.</summary>
    [Benchmark]
    public async Task CopyAndAwait()
    {
        _bed.Stream.Copy(_bed.Host, _bed.Memory);
        await _bed.Stream.SynchronizeAsync();
    }

    /// <summary>aclrtMemcpy.</summary>
    [Benchmark]
    public unsafe void RawNow()
    {
        AclApi api = _bed.Api;
        _bed.MakeCurrent();
        api.Ok(api.aclrtMemcpy((void*)_bed.Memory.Address, (nuint)_bed.Memory.SizeBytes, _bed.Host.Pointer, (nuint)_bed.Host.SizeBytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE));
    }

    /// <summary>DeviceMemory.CopyFrom.</summary>
    [Benchmark]
    public void CopyNow() => _bed.Memory.CopyFrom(_bed.Host.Span);
}
