namespace Updraft.Tests;

/// <summary>Every call that queues or copies, with everything that can be wrong with what it is given: an exception, and nothing is queued.</summary>
public abstract class BadInputTests : Backend
{
    private delegate void Call(NpuStream stream, PinnedMemory<int> host, DeviceSlice<int> memory);

    // Lengths are 16 on both sides.
    private static readonly Dictionary<string, Call> s_calls = new()
    {
        ["Copy of pinned memory"] = (stream, host, memory) => stream.Copy(host, memory),
        ["Copy of a pinned slice"] = (stream, host, memory) => stream.Copy(host[..8], memory),
        ["Copy to pinned memory"] = (stream, host, memory) => stream.Copy(memory, host),
        ["Copy to a pinned slice"] = (stream, host, memory) => stream.Copy(memory[..8], host[..8]),
        ["Copy2D of pinned memory"] = (stream, host, memory) => stream.Copy2D(host, 4, memory, 4, 2, 2),
        ["Copy2D of a pinned slice"] = (stream, host, memory) => stream.Copy2D<int>(host[..16], 4, memory, 4, 2, 2),
        ["Copy2D to pinned memory"] = (stream, host, memory) => stream.Copy2D(memory, 4, host, 4, 2, 2),
        ["Copy2D to a pinned slice"] = (stream, host, memory) => stream.Copy2D(memory, 4, host[..16], 4, 2, 2),
        ["Copy of a batch"] = (stream, host, memory) =>
        {
            using var batch = new CopyBatch();
            batch.Add(host, memory);
            stream.Copy(batch);
        },
    };

    private static readonly Dictionary<string, Call> s_callsWithoutHost = new()
    {
        ["Copy on the device"] = (stream, _, memory) => stream.Copy(memory[..8], memory[8..]),
        ["Copy2D on the device"] = (stream, _, memory) => stream.Copy2D(memory[..8], 4, memory[8..], 4, 2, 2),
        ["CopyBuffered"] = (stream, _, memory) => stream.CopyBuffered(new int[16], memory),
        ["CopyPageable to the device"] = (stream, _, memory) => stream.CopyPageable(new int[16], memory),
        ["CopyPageable to the host"] = (stream, _, memory) => stream.CopyPageable(memory, new int[16]),
        ["Fill"] = (stream, _, memory) => stream.Fill(memory, 1),
        ["WriteValue"] = (stream, _, memory) => stream.WriteValue(memory.Cast<ulong>(), 1),
        ["WaitValue"] = (stream, _, memory) => stream.WaitValue(memory.Cast<ulong>(), 1),
        ["CopyIndirect"] = (stream, _, memory) => stream.CopyIndirect(memory.Cast<nint>()[..1], 0, memory.Cast<nint>()[1..2], 0, 8, 8),
    };

    private static readonly Dictionary<string, Call> s_callsNow = new()
    {
        ["CopyFrom"] = (_, _, memory) => memory.CopyFrom(new int[16]),
        ["CopyTo"] = (_, _, memory) => memory.CopyTo(new int[16]),
        ["CopyTo the device"] = (_, _, memory) => memory[..8].CopyTo(memory[8..]),
        ["CopyFrom2D"] = (_, _, memory) => memory.CopyFrom2D(new int[16], 4, 4, 2, 2),
        ["CopyTo2D"] = (_, _, memory) => memory.CopyTo2D(new int[16], 4, 4, 2, 2),
        ["ToArray"] = (_, _, memory) => memory.ToArray(),
        ["Fill now"] = (_, _, memory) => memory.Fill(1),
        ["Address"] = (_, _, memory) => _ = memory.Address,
    };

    private static readonly Dictionary<string, Call> s_all = new(s_calls.Concat(s_callsWithoutHost).Concat(s_callsNow));

    public static TheoryData<string> WithHost => [.. s_calls.Keys];

    public static TheoryData<string> Queued => [.. s_calls.Keys.Concat(s_callsWithoutHost.Keys)];

    public static TheoryData<string> All => [.. s_all.Keys];

    [Theory]
    [MemberData(nameof(All))]
    public void GoodInput_IsTaken(string call)
    {
        using var bed = new Bed(Open());
        SkipWithout(() => s_all[call](bed.Stream, bed.Host, bed.Memory));
        if (call == "WaitValue")
        {
            using NpuStream other = bed.Device.CreateStream();
            other.WriteValue(bed.Memory.AsSlice().Cast<ulong>(), 1);
            other.Synchronize(Limit);
        }
        try
        {
            bed.Stream.Synchronize(Limit);
        }
        catch (AclException) when (call == "CopyIndirect")
        {
            // The cells name no memory: found out when it runs.
        }
    }

    [Theory]
    [MemberData(nameof(Queued))]
    public void DisposedStream_IsSaid(string call)
    {
        using var bed = new Bed(Open());
        bed.Stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => s_all[call](bed.Stream, bed.Host, bed.Memory));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void DisposedDeviceMemory_IsSaid(string call)
    {
        using var bed = new Bed(Open());
        bed.Memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => s_all[call](bed.Stream, bed.Host, bed.Memory));
        Assert.True(bed.Stream.IsIdle);
    }

    [Theory]
    [MemberData(nameof(WithHost))]
    public void DisposedHostMemory_IsSaid(string call)
    {
        using var bed = new Bed(Open());
        bed.Host.Dispose();
        Assert.Throws<ObjectDisposedException>(() => s_all[call](bed.Stream, bed.Host, bed.Memory));
        Assert.True(bed.Stream.IsIdle);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void DefaultSlice_IsRefused(string call)
    {
        using var bed = new Bed(Open());
        Assert.ThrowsAny<ArgumentException>(() => s_all[call](bed.Stream, bed.Host, default));
        Assert.True(bed.Stream.IsIdle);
    }

    [Theory]
    [MemberData(nameof(Queued))]
    public void MemoryOfAnotherDevice_IsRefused(string call)
    {
        using var bed = new Bed(Open());
        Assert.SkipWhen(bed.Npu.DeviceCount < 2, "one device only");
        using NpuDevice second = bed.Npu.OpenDevice(1);
        using DeviceMemory<int> memory = second.Allocate<int>(16);
        Assert.Contains("device 1", Assert.Throws<ArgumentException>(() => s_all[call](bed.Stream, bed.Host, memory)).Message);
        Assert.True(bed.Stream.IsIdle);
    }

    public static TheoryData<string> QueuedWithoutWaits => [.. s_calls.Keys.Concat(s_callsWithoutHost.Keys).Where(call => call != "WaitValue")];

    /// <summary>Any thread may use it, whatever context is current there.</summary>
    [Theory]
    [MemberData(nameof(QueuedWithoutWaits))]
    public void StreamOfAnotherContext_MakesItCurrent(string call)
    {
        using var bed = new Bed(Open());
        using NpuContext context = bed.Device.CreateContext();
        using NpuStream stream = context.CreateStream();
        bed.Device.Context.MakeCurrent();
        SkipWithout(() => s_all[call](stream, bed.Host, bed.Memory));
        nint current;
        unsafe
        {
            Assert.Equal(0, bed.Npu.Api.aclrtGetCurrentContext(&current));
        }
        Assert.Equal(context.Handle, current);
    }

    [Fact]
    public void DestroyedContext_IsSaid()
    {
        using var bed = new Bed(Open());
        NpuContext context = bed.Device.CreateContext();
        NpuStream stream = context.CreateStream();
        context.Dispose();
        // The stream keeps it.
        stream.Copy(bed.Host, bed.Memory);
        stream.Synchronize(Limit);
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Copy(bed.Host, bed.Memory));
        Assert.Throws<ObjectDisposedException>(() => context.CreateStream());
        Assert.Throws<ObjectDisposedException>(() => context.MakeCurrent());
    }

    [Fact]
    public void ManagedMemory_IsRefused_WhateverItsKind()
    {
        using var bed = new Bed(Open());
        int[] array = new int[16], pinned = GC.AllocateArray<int>(16, pinned: true);
        foreach (Memory<int> memory in (Memory<int>[])[array, array.AsMemory(4, 8), pinned])
        {
            Assert.Contains("CopyPageable", Assert.Throws<ArgumentException>(() => bed.Stream.Copy((ReadOnlyMemory<int>)memory, bed.Memory)).Message);
            Assert.Throws<ArgumentException>(() => bed.Stream.Copy(bed.Memory.AsSlice(), memory));
            Assert.Throws<ArgumentException>(() => bed.Stream.Copy2D<int>((ReadOnlyMemory<int>)memory, 4, bed.Memory, 4, 2, 2));
            Assert.Throws<ArgumentException>(() => bed.Stream.Copy2D(bed.Memory.AsSlice(), 4, memory, 4, 2, 2));
            using var batch = new CopyBatch();
            Assert.Throws<ArgumentException>(() => batch.Add((ReadOnlyMemory<int>)memory, bed.Memory));
            Assert.Throws<ArgumentException>(() => batch.Add(bed.Memory.AsSlice(), memory));
        }
        Assert.True(bed.Stream.IsIdle);
    }

    [Fact]
    public void Null_IsSaidByName()
    {
        using var bed = new Bed(Open());
        Assert.Equal("source", Assert.Throws<ArgumentNullException>(() => bed.Stream.Copy((PinnedMemory<int>)null!, bed.Memory)).ParamName);
        Assert.Equal("destination", Assert.Throws<ArgumentNullException>(() => bed.Stream.Copy(bed.Host, (DeviceMemory<int>)null!)).ParamName);
        Assert.Throws<ArgumentNullException>(() => bed.Stream.Copy((CopyBatch)null!));
        Assert.Throws<ArgumentNullException>(() => bed.Stream.Record((NpuEvent)null!));
        Assert.Throws<ArgumentNullException>(() => bed.Stream.Execute(null!));
    }

    [Fact]
    public void WrongRanges_AreSaid_BeforeAnythingIsCopied()
    {
        using var bed = new Bed(Open());
        bed.Memory.Fill(0);
        int[] few = [1, 2, 3, 4], many = new int[17];
        Assert.Throws<ArgumentException>(() => bed.Memory.CopyFrom(many));
        Assert.Throws<ArgumentException>(() => bed.Memory.CopyTo(few));
        Assert.Throws<ArgumentException>(() => bed.Memory.CopyTo(bed.Memory[..8]));
        Assert.Throws<ArgumentException>(() => bed.Stream.CopyPageable<int>(many, bed.Memory));
        Assert.Throws<ArgumentException>(() => bed.Stream.CopyPageable(bed.Memory, few));
        Assert.Throws<ArgumentException>(() => bed.Stream.CopyBuffered<int>(many, bed.Memory));
        Assert.Throws<ArgumentOutOfRangeException>(() => bed.Memory.CopyFrom2D(few, 2, 4, width: 3, height: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => bed.Memory.CopyFrom2D(few, 2, 4, width: 2, height: 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => bed.Memory.CopyFrom2D(few, 2, 9, width: 2, height: 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => bed.Memory.CopyTo2D(few, 2, 4, width: 2, height: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => bed.Memory.CopyTo2D(few, long.MaxValue, 4, width: 2, height: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => bed.Stream.CopyIndirect(bed.Memory.AsSlice().Cast<nint>(), -1, bed.Memory.AsSlice().Cast<nint>(), 0, 8, 8));
        Assert.True(bed.Stream.IsIdle);
        Assert.All(bed.Memory.ToArray(), value => Assert.Equal(0, value));
    }

    private sealed class Bed : IDisposable
    {
        internal readonly Npu Npu;
        internal readonly NpuDevice Device;
        internal readonly NpuStream Stream;
        internal readonly PinnedMemory<int> Host;
        internal readonly DeviceMemory<int> Memory;

        internal Bed(Npu npu)
        {
            Npu = npu;
            Device = npu.OpenDevice(0);
            Stream = Device.CreateStream();
            Host = Device.AllocateHost<int>(16);
            Memory = Device.Allocate<int>(16);
            Host.Span.Clear();
            Memory.Fill(0);
        }

        public void Dispose()
        {
            foreach (IDisposable each in (IDisposable[])[Stream, Host, Memory, Device, Npu])
            {
                each.Dispose();
            }
        }
    }
}

public sealed class BadInputTestsInProcess : BadInputTests
{
    internal override Npu Open() => Npu.Open(new NpuOptions { DeviceCount = 2, Soc = "910b" });
}

public sealed class BadInputTestsOfLibrary : BadInputTests
{
    internal override Npu Open() => OpenLibrary();
}

public sealed class BadInputTestsOfRealLibrary : BadInputTests
{
    internal override Npu Open() => OpenReal();
}
