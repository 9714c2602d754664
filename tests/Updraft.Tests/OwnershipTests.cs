using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Tests;

/// <summary>Who keeps what alive, and what bad input says before anything is queued.</summary>
public abstract class OwnershipTests : Backend
{
    [Fact]
    public void Dispose_MemoryOfAQueuedCopy_WaitsForTheCopyAndBlocksNobody()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> back = device.AllocateHost<int>(1 << 18);
        PinnedMemory<int> host = device.AllocateHost<int>(1 << 18);
        DeviceMemory<int> memory = device.Allocate<int>(1 << 18);
        long freeBefore = device.GetMemoryInfo().FreeBytes;
        host.Span.Fill(42);
        back.Span.Clear();
        using (Gate gate = Hold(stream))
        {
            stream.Copy(host, memory);
            stream.Copy(memory, back);
            gate.WaitUntilEntered();
            host.Dispose();
            memory.Dispose();
            Assert.Throws<ObjectDisposedException>(() => stream.Copy(host, memory));
            // Not given back: the copies still need it. (What earlier tests used may come back meanwhile.)
            Assert.True(device.GetMemoryInfo().FreeBytes < freeBefore + (1 << 20));
        }
        stream.Synchronize(Limit);
        Assert.Equal(42, back[(1 << 18) - 1]);
        Assert.True(SpinWait.SpinUntil(() => device.GetMemoryInfo().FreeBytes >= freeBefore + (1 << 20), Limit), "the memory was never given back");
    }

    [Fact]
    public void Collector_TakesForgottenMemory_NotBeforeItsCopiesHaveRun()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> back = device.AllocateHost<int>(1024);
        back.Span.Clear();
        long freeAtFirst = device.GetMemoryInfo().FreeBytes;
        using (Gate gate = Hold(stream))
        {
            QueueAndForget(device, stream, back);
            gate.WaitUntilEntered();
            Collect();
            // Half of it: what earlier tests used may come back meanwhile.
            Assert.True(device.GetMemoryInfo().FreeBytes < freeAtFirst - ForgottenBytes / 2, "memory of a queued copy was given back");
        }
        stream.Synchronize(Limit);
        Assert.Equal(0x06060606, back[1023]);
        Assert.True(SpinWait.SpinUntil(() => { Collect(); return device.GetMemoryInfo().FreeBytes >= freeAtFirst - ForgottenBytes / 2; }, Limit), "the memory was never given back");
    }

    private const long ForgottenBytes = 64 << 20;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void QueueAndForget(NpuDevice device, NpuStream stream, PinnedMemory<int> back)
    {
        DeviceMemory<int> memory = device.Allocate<int>(ForgottenBytes / sizeof(int));
        stream.Fill(memory[..1024], 6);
        stream.Copy(memory[..1024], back);
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void Dispose_InAnyOrder_Works()
    {
        Npu npu = Open();
        NpuDevice device = npu.OpenDevice(0);
        NpuStream stream = device.CreateStream();
        NpuEvent @event = device.CreateEvent();
        DeviceMemory<byte> memory = device.Allocate<byte>(64);
        PinnedMemory<byte> host = device.AllocateHost<byte>(64);
        npu.Dispose();
        device.Dispose();
        device.Dispose();
        stream.Copy(host, memory);
        stream.Record(@event);
        stream.Synchronize(Limit);
        @event.Dispose();
        stream.Dispose();
        host.Dispose();
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => npu.OpenDevice(0));
        Assert.Throws<ObjectDisposedException>(() => device.CreateContext());
        Assert.Throws<ObjectDisposedException>(() => stream.Synchronize());
        Assert.Throws<ObjectDisposedException>(() => @event.IsComplete);
        Assert.Throws<ObjectDisposedException>(() => memory.Address);
        Assert.Throws<ObjectDisposedException>(() => host.Span.Length);
    }

    [Fact]
    public void Copy_WithDisposedMemoryOrStream_Throws()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        NpuStream stream = device.CreateStream();
        PinnedMemory<byte> host = device.AllocateHost<byte>(64);
        DeviceMemory<byte> memory = device.Allocate<byte>(64);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Copy(host, memory));
        Assert.Throws<ObjectDisposedException>(() => stream.Fill(memory));
        Assert.Throws<ObjectDisposedException>(() => memory.ToArray());
        using DeviceMemory<byte> alive = device.Allocate<byte>(64);
        host.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Copy(alive, host));
        using PinnedMemory<byte> fresh = device.AllocateHost<byte>(64);
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Copy(fresh, alive));
        Assert.Throws<ObjectDisposedException>(() => { _ = stream.SynchronizeAsync(); });
        Assert.Throws<ObjectDisposedException>(() => stream.Launch(() => { }));
    }

    [Fact]
    public void Copy_BadRanges_Throw_BeforeAnythingIsQueued()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> host = device.AllocateHost<int>(100);
        using DeviceMemory<int> memory = device.Allocate<int>(50);
        using Gate gate = Hold(stream);
        Assert.Throws<ArgumentException>(() => stream.Copy(host, memory));
        Assert.Throws<ArgumentException>(() => stream.Copy(host[..51], memory));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(40, 11));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(0, long.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory[10..20][5..11]);
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Copy(host, 90, memory, 0, 11));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Copy(host, 0, memory, 45, 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Copy(memory, 0, host, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => host[100]);
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Copy2D<int>(host, 10, memory, 10, width: 11, height: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Copy2D<int>(host, 10, memory, 10, width: 5, height: 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Copy2D<int>(host, long.MaxValue, memory, 10, width: 5, height: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Allocate<int>(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => device.AllocateHost<long>(long.MaxValue / 4));
        Assert.Throws<ArgumentException>(() => memory[..3].Cast<long>());
        Assert.Throws<ArgumentException>(() => stream.Copy(host, default(DeviceSlice<int>)));
        Assert.Throws<ArgumentException>(() => default(DeviceSlice<int>).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Synchronize(TimeSpan.Zero));
        Assert.Throws<ArgumentNullException>(() => stream.Launch((Action)null!));
        gate.Open();
        stream.Synchronize(Limit);
        Assert.Equal(50 * 4, memory.SizeBytes);
    }

    [Fact]
    public void Copy_OfAnotherDevicesMemory_Throws()
    {
        using Npu npu = Open();
        Assert.SkipWhen(npu.DeviceCount < 2, "one device only");
        using NpuDevice first = npu.OpenDevice(0), second = npu.OpenDevice(1);
        using NpuStream stream = first.CreateStream();
        using DeviceMemory<int> memory = second.Allocate<int>(8), other = second.Allocate<int>(8);
        using PinnedMemory<int> host = second.AllocateHost<int>(8);
        Assert.Contains("device 1", Assert.Throws<ArgumentException>(() => stream.Copy(host, memory)).Message);
        Assert.Throws<ArgumentException>(() => stream.Copy(memory, host));
        Assert.Throws<ArgumentException>(() => stream.Copy(memory, other));
        // Pinned memory is anybody's.
        using DeviceMemory<int> own = first.Allocate<int>(8);
        host.Span.Fill(3);
        stream.Copy(host, own);
        stream.Synchronize(Limit);
        Assert.Equal(3, own.ToArray()[7]);
        Assert.True(stream.IsIdle);
    }

    [Fact]
    public void Errors_CarryCodeNameFunctionAndAdvice()
    {
        using Npu npu = Open();
        var exception = Assert.Throws<AclException>(() => npu.OpenDevice(npu.DeviceCount));
        Assert.Equal((AclError.RtInvalidDeviceid, "ACL_ERROR_RT_INVALID_DEVICEID", "aclrtSetDevice"), (exception.Code, exception.CodeName, exception.Function));
        Assert.NotNull(exception.Details);
        Assert.Contains("107001", exception.Message);
        Assert.Contains(exception.Advice!, exception.Message);
        using NpuDevice device = npu.OpenDevice(0);
        Assert.Equal(AclError.RtMemoryAllocation, Assert.Throws<AclException>(() => device.Allocate<byte>(1L << 46)).Code);
        Assert.True(device.GetMemoryInfo() is { FreeBytes: > 0 } info && info.TotalBytes >= info.FreeBytes);
    }

    [Fact]
    public unsafe void Pointers_AreKnown()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using PinnedMemory<int> host = device.AllocateHost<int>(8);
        using DeviceMemory<int> memory = device.Allocate<int>(8);
        Assert.Equal(aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST, npu.GetPointerInfo((nint)host.Pointer).Type);
        Assert.Equal((aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, 0), (npu.GetPointerInfo(memory.Address + 4).Type, npu.GetPointerInfo(memory.Address).DeviceId));
        using var pin = host.Memory.Pin();
        host.Dispose();
        *(int*)pin.Pointer = 1;
    }

    [Fact]
    public void ManyThreads_CopyAndDispose_NeverFail()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream shared = device.CreateStream();
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
        {
            using NpuStream own = device.CreateStream();
            for (int round = 0; round < 50; round++)
            {
                using PinnedMemory<int> host = device.AllocateHost<int>(256), back = device.AllocateHost<int>(256);
                using DeviceMemory<int> memory = device.Allocate<int>(256);
                host.Span.Fill(thread * 1000 + round);
                own.Copy(host, memory);
                own.Copy(memory, back);
                own.Synchronize(Limit);
                Assert.Equal(thread * 1000 + round, back[255]);
                // Disposed while the shared stream has not run it yet.
                shared.Copy(memory, back);
            }
        });
        shared.Synchronize(Limit);
    }

    /// <summary>Our library has a signal handler: it must leave the runtime's own faults to the runtime.</summary>
    [Fact]
    public unsafe void NullReference_IsStillAnException_WithTheLibraryLoaded()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        for (int round = 0; round < 3; round++)
        {
            Assert.Throws<NullReferenceException>(() => Read(null!));
            using DeviceMemory<int> memory = device.Allocate<int>(8);
            GC.Collect();
        }
        // A wild pointer of the caller's becomes a code, not a crash.
        int code = npu.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, null, null);
        Assert.Equal((int)AclError.InvalidParam, code);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Read(int[] array) => array.Length;
}

public sealed class OwnershipTestsInProcess : OwnershipTests
{
    internal override Npu Open() => Npu.Open(new NpuOptions { DeviceCount = 2, Soc = "910b" });

    [Fact]
    public void Open_Twice_SharesTheMachine_OtherOptionsAreRefused()
    {
        using (Npu first = Open())
        using (Npu second = Npu.Open())
        {
            Assert.Equal(2, second.DeviceCount);
            Assert.Throws<InvalidOperationException>(() => Npu.Open(new NpuOptions { DeviceCount = 3 }));
        }
        using Npu other = Npu.Open(new NpuOptions { DeviceCount = 3, Soc = "310b" });
        Assert.Equal(3, other.DeviceCount);
        Assert.Contains("310B", other.SocName);
        Assert.True(other.IsInProcess);
    }

    [Fact]
    public void Open_BadOptions_SayWhatIsExpected()
    {
        Assert.Contains("910b", Assert.Throws<ArgumentException>(() => Npu.Open(new NpuOptions { Soc = "none" })).Message);
        Assert.Throws<ArgumentException>(() => Npu.Open(new NpuOptions { DeviceCount = 0 }));
        Assert.Throws<ArgumentException>(() => Npu.Open(new NpuOptions { DeviceMemoryBytes = -1 }));
        Assert.Contains("late", Assert.Throws<ArgumentException>(() => Npu.Open(new NpuOptions { Schedule = "soon" })).Message);
        Assert.Contains("not in this version", Assert.Throws<ArgumentException>(() => Npu.Open(new NpuOptions { Clock = "model" })).Message);
        Assert.Throws<DllNotFoundException>(() => Npu.Load("libnothere.so"));
        using Npu npu = Open();
    }

    [Fact]
    public void MemoryOfAnotherLibrary_IsRefused()
    {
        using Npu npu = Open(), library = OpenLibrary();
        using NpuDevice device = npu.OpenDevice(0), other = library.OpenDevice(0);
        using NpuStream stream = device.CreateStream(), otherStream = other.CreateStream();
        using PinnedMemory<int> host = other.AllocateHost<int>(8);
        using DeviceMemory<int> memory = device.Allocate<int>(8);
        using NpuEvent @event = other.CreateEvent();
        Assert.Contains("another library", Assert.Throws<ArgumentException>(() => stream.Copy(host, memory)).Message);
        Assert.Throws<ArgumentException>(() => stream.Wait(@event));
        // And both work side by side.
        using DeviceMemory<int> theirs = other.Allocate<int>(8);
        host.Span.Fill(5);
        otherStream.Copy(host, theirs);
        otherStream.Synchronize(Limit);
        Assert.Equal(5, theirs.ToArray()[7]);
    }
}

public sealed class OwnershipTestsOfLibrary : OwnershipTests
{
    internal override Npu Open() => OpenLibrary();
}

public sealed class OwnershipTestsOfRealLibrary : OwnershipTests
{
    internal override Npu Open() => OpenReal();
}
