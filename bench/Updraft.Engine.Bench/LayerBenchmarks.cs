using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Updraft.Benchmarks;

namespace Updraft.Device.Bench;

/// <summary>
/// One asynchronous copy as a stack of layers, each containing the one above it: what memcpy takes, what the choice of a kernel adds,
/// what the queue and the hand-over to a worker add, what the checks of the C interface add. Each number is the time per copy of a
/// thousand copies and one wait, so a layer may hide behind another that runs on the other CPU.
/// </summary>
[MemoryDiagnoser]
public unsafe partial class LayerBenchmarks
{
    private const int Copies = 1000;

    /// <summary>Small copies walk through this much, so that they are not all the same cache lines.</summary>
    private const int WalkBytes = 64 << 10;

    private readonly AclApi _rows = AclApi.InProcess;
    private byte* _host, _device, _backing;
    private nint _handle;
    private Stream _stream = null!;
    private int _span;

    /// <summary>Size of a copy: the command alone, a page, a block that stays in the cache.</summary>
    [Params(64, 4096, 256 << 10)]
    public int Bytes { get; set; }

    /// <summary>A machine of its own, memory that has been touched.</summary>
    [GlobalSetup]
    public void Start()
    {
        _span = Math.Max(Bytes, WalkBytes);
        Machine.Start(new Options { Chip = Chip.All[0], SocName = Chip.All[0].SocName, LogLevel = LogLevel.Error });
        void* memory;
        nint stream;
        _rows.Ok(_rows.aclrtSetDevice(0));
        _rows.Ok(_rows.aclrtMallocHost(&memory, (nuint)_span));
        _host = (byte*)memory;
        NativeMemory.Fill(_host, (nuint)_span, 1);
        _rows.Ok(_rows.aclrtMalloc(&memory, (nuint)_span, aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST));
        _device = (byte*)memory;
        _backing = (byte*)Place.Translate(_device, (nuint)_span, out _);
        _rows.Ok(_rows.aclrtMemset(_device, (nuint)_span, 0, (nuint)_span));
        _rows.Ok(_rows.aclrtCreateStream(&stream));
        _handle = stream;
        _stream = Machine.Devices[0].Contexts.SelectMany(context => context.Streams).Single(each => each.Handle == _handle);
    }

    /// <summary>The machine ends: the next parameters start another one.</summary>
    [GlobalCleanup]
    public void Stop()
    {
        _rows.Ok(_rows.aclrtSynchronizeDevice());
        Lifecycle.Forget();
        Machine.Stop();
        ThreadState.Forget();
    }

    /// <summary>The C library's memcpy, called without a transition.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Copies)]
    public void Memcpy()
    {
        int offset = 0;
        for (int index = 0; index < Copies; index++)
        {
            memcpy(_backing + offset, _host + offset, (nuint)Bytes);
            offset = offset + Bytes < _span ? offset + Bytes : 0;
        }
    }

    /// <summary>The kernel that the engine chooses for the size.</summary>
    [Benchmark(OperationsPerInvoke = Copies)]
    public void Engine()
    {
        int offset = 0;
        for (int index = 0; index < Copies; index++)
        {
            CopyEngine.CopySmall(_backing + offset, _host + offset, (nuint)Bytes);
            offset = offset + Bytes < _span ? offset + Bytes : 0;
        }
    }

    /// <summary>Commands queued without checks, run by a worker or by the wait.</summary>
    [Benchmark(OperationsPerInvoke = Copies)]
    public void Queue()
    {
        int offset = 0;
        for (int index = 0; index < Copies; index++)
        {
            _stream.Submit(new Command { Kind = CommandKind.Copy, A = (nuint)(_backing + offset), B = (nuint)(_host + offset), C = (nuint)Bytes });
            offset = offset + Bytes < _span ? offset + Bytes : 0;
        }
        _rows.Ok((int)_stream.Synchronize(Timeout.Infinite));
    }

    /// <summary>The rows of the C interface: handles, sizes and pointers checked.</summary>
    [Benchmark(OperationsPerInvoke = Copies)]
    public void Rows()
    {
        int offset = 0;
        for (int index = 0; index < Copies; index++)
        {
            _rows.Ok(_rows.aclrtMemcpyAsync(_device + offset, (nuint)Bytes, _host + offset, (nuint)Bytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, _handle));
            offset = offset + Bytes < _span ? offset + Bytes : 0;
        }
        _rows.Ok(_rows.aclrtSynchronizeStream(_handle));
    }

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial nint memcpy(void* to, void* from, nuint bytes);
}
