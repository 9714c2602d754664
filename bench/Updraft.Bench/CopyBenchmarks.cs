using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;

namespace Updraft.Benchmarks;

/// <summary>
/// What queueing a copy of 64 bytes costs its caller, the streams being held meanwhile: the same call from C on the library as it is built,
/// from C# on the rows in process, and through the types of this API, on both. Numbers are nanoseconds per copy.
/// </summary>
[MemoryDiagnoser]
[MedianColumn]
[WarmupCount(200)]
[IterationCount(200)]
public unsafe class CopyBenchmarks
{
    private const int Streams = 16, Copies = 1900, Bytes = 64;

    private delegate* unmanaged[Cdecl]<nint, nint*, int, int, void*, void*, nuint, int> _submit;
    private nint _copy;
    private HeldBed _process = null!, _library = null!;

    /// <summary>Two machines: the one of this process, and the library that bench/run names.</summary>
    [GlobalSetup]
    public void Start()
    {
        string library = Paths.Library;
        _submit = (delegate* unmanaged[Cdecl]<nint, nint*, int, int, void*, void*, nuint, int>)NativeLibrary.GetExport(NativeLibrary.Load(Paths.Calls), "submit");
        _copy = NativeLibrary.GetExport(NativeLibrary.Load(library), "aclrtMemcpyAsync");
        _process = new HeldBed(Npu.Open());
        _library = new HeldBed(Npu.Load(library));
    }

    /// <summary>Both machines end.</summary>
    [GlobalCleanup]
    public void Stop()
    {
        _process.Dispose();
        _library.Dispose();
    }

    /// <summary>What is measured is the caller alone: nothing runs meanwhile.</summary>
    [IterationSetup]
    public void Hold()
    {
        _process.Hold();
        _library.Hold();
    }

    /// <summary>What was queued runs.</summary>
    [IterationCleanup]
    public void Run()
    {
        _process.Run();
        _library.Run();
    }

    /// <summary>A loop in C.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Streams * Copies)]
    public void C()
    {
        _library.MakeCurrent();
        fixed (nint* streams = _library.Handles)
        {
            _library.Api.Ok(_submit(_copy, streams, Streams, Copies, (void*)_library.Memory.Address, _library.Host.Pointer, Bytes));
        }
    }

    /// <summary>AclApi in process.</summary>
    [Benchmark(OperationsPerInvoke = Streams * Copies)]
    public void AclApiInProcess() => CallByCall(_process);

    /// <summary>AclApi on the library.</summary>
    [Benchmark(OperationsPerInvoke = Streams * Copies)]
    public void AclApiOnLibrary() => CallByCall(_library);

    /// <summary>NpuStream.Copy in process.</summary>
    [Goal(1.3)]
    [Benchmark(OperationsPerInvoke = Streams * Copies)]
    public void CopyInProcess() => Copy(_process);

    /// <summary>NpuStream.Copy on the library.</summary>
    [Benchmark(OperationsPerInvoke = Streams * Copies)]
    public void CopyOnLibrary() => Copy(_library);

    private static void CallByCall(HeldBed bed)
    {
        bed.MakeCurrent();
        AclApi api = bed.Api;
        byte* device = (byte*)bed.Memory.Address, host = bed.Host.Pointer;
        foreach (nint stream in bed.Handles)
        {
            for (int index = 0; index < Copies; index++)
            {
                int offset = index * Bytes;
                api.Ok(api.aclrtMemcpyAsync(device + offset, Bytes, host + offset, Bytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
            }
        }
    }

    private static void Copy(HeldBed bed)
    {
        PinnedMemory<byte> host = bed.Host;
        DeviceMemory<byte> memory = bed.Memory;
        foreach (NpuStream stream in bed.Streams)
        {
            for (int index = 0; index < Copies; index++)
            {
                stream.Copy(host, index * Bytes, memory, index * Bytes, Bytes);
            }
        }
    }

    /// <summary>Streams that stand still until what they wait for is let go.</summary>
    private sealed class HeldBed(Npu npu) : Bed<byte>(npu, Copies * Bytes, CopyBenchmarks.Streams)
    {
        private readonly ManualResetEventSlim _gate = new(initialState: true);

        internal nint[] Handles => field ??= [.. Streams.Select(stream => stream.Handle)];

        internal void Hold()
        {
            _gate.Reset();
            Stream.Launch(static gate => ((ManualResetEventSlim)gate!).Wait(), _gate);
            Stream.Record(Event);
            foreach (NpuStream stream in Streams.AsSpan(1))
            {
                stream.Wait(Event);
            }
        }

        internal void Run()
        {
            _gate.Set();
            Device.Synchronize();
        }

        public override void Dispose()
        {
            base.Dispose();
            _gate.Dispose();
        }
    }
}
