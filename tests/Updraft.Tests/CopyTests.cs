namespace Updraft.Tests;

public abstract class CopyTests : Backend
{
    private const int Length = 4096;

    [Fact]
    public async Task Copy_ThereAndBack_BringsTheValues()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<float> host = device.AllocateHost<float>(Length), back = device.AllocateHost<float>(Length);
        using DeviceMemory<float> memory = device.Allocate<float>(Length);
        for (int index = 0; index < Length; index++)
        {
            host[index] = index;
        }
        back.Span.Clear();
        stream.Copy(host, memory);
        stream.Copy(memory, back);
        await stream.SynchronizeAsync().AsTask().WaitAsync(Limit);
        Assert.Equal(host.Span, back.Span);
    }

    [Fact]
    public void Copy_BehindAGate_RunsAfterItOpens()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> host = device.AllocateHost<int>(16);
        using DeviceMemory<int> memory = device.Allocate<int>(16);
        memory.Fill(0);
        host.Span.Fill(7);
        using (Gate gate = Hold(stream))
        {
            stream.Copy(host, memory);
            gate.WaitUntilEntered();
            Assert.False(stream.IsIdle);
            Assert.All(memory.ToArray(), value => Assert.Equal(0, value));
            // Read when the copy runs, not when it is queued.
            host.Span.Fill(8);
        }
        stream.Synchronize(Limit);
        Assert.All(memory.ToArray(), value => Assert.Equal(8, value));
    }

    [Fact]
    public void Copy_Slices_MeetWhereTheyShould()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<short> host = device.AllocateHost<short>(100);
        using DeviceMemory<short> memory = device.Allocate<short>(100), other = device.Allocate<short>(100);
        memory.Fill(0);
        other.Fill(0);
        for (short index = 0; index < 100; index++)
        {
            host[index] = index;
        }
        stream.Copy(host[10..20], memory[50..60]);
        stream.Copy(memory.Slice(52, 4), other[..4]);
        stream.Copy(other[..4], host[90..94]);
        stream.Copy(host, 30, memory, 0, 5);
        stream.Copy(memory, 0, host, 95, 5);
        stream.Synchronize(Limit);
        Assert.Equal([12, 13, 14, 15, 94, 30, 31, 32, 33, 34], host.Span[90..].ToArray());
        Assert.Equal([10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0], memory[50..61].ToArray());
    }

    [Fact]
    public void Copy_SpanNow_AndPageable_AndBuffered()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using DeviceMemory<byte> memory = device.Allocate<byte>(64);
        byte[] values = [.. Enumerable.Range(0, 64).Select(value => (byte)value)];
        memory.CopyFrom(values);
        Assert.Equal(values, memory.ToArray());

        values[3] = 99;
        stream.CopyPageable(values, memory);
        // Done when it returns: changing the source is fine.
        byte[] expected = [.. values];
        values.AsSpan().Clear();
        var back = new byte[64];
        stream.CopyPageable(memory, back);
        Assert.Equal(expected, back);

        using (Gate gate = Hold(stream))
        {
            expected[5] = 77;
            byte[] taken = [.. expected];
            stream.CopyBuffered<byte>(taken, memory);
            taken.AsSpan().Clear();
        }
        stream.Synchronize(Limit);
        Assert.Equal(expected, memory.ToArray());
    }

    [Fact]
    public void Copy_2D_CopiesRectanglesOnly()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> host = device.AllocateHost<int>(100), back = device.AllocateHost<int>(12);
        using DeviceMemory<int> memory = device.Allocate<int>(80);
        memory.Fill(0);
        back.Span.Clear();
        for (int index = 0; index < 100; index++)
        {
            host[index] = index;
        }
        SkipWithout(() => stream.Copy2D<int>(host, 10, memory, 8, width: 4, height: 3));
        stream.Copy2D<int>(memory, 8, back, 4, width: 4, height: 3);
        stream.Synchronize(Limit);
        Assert.Equal([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23], back.Span.ToArray());
        Assert.Equal([0, 0, 0, 0], memory[4..8].ToArray());
    }

    [Fact]
    public void Copy_2DNow_CopiesRectanglesOfAnyMemory()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using DeviceMemory<int> memory = device.Allocate<int>(80);
        memory.Fill(0);
        int[] values = [.. Enumerable.Range(0, 100)], back = new int[12];
        memory.CopyFrom2D(values, 10, pitch: 8, width: 4, height: 3);
        memory.CopyTo2D(back, 4, pitch: 8, width: 4, height: 3);
        Assert.Equal([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23], back);
        Assert.Equal([0, 0, 0, 0], memory[4..8].ToArray());
        memory[40..].CopyFrom2D(values, 10, pitch: 8, width: 0, height: 3);
        Assert.Equal(0, memory[40..41].ToArray()[0]);
    }

    [Fact]
    public void Copy_OnTheDeviceNow()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using DeviceMemory<int> one = device.Allocate<int>(16), other = device.Allocate<int>(16);
        one.CopyFrom([.. Enumerable.Range(0, 16)]);
        other.Fill(0);
        one[4..8].CopyTo(other[12..]);
        Assert.Equal([0, 4, 5, 6, 7], other[11..].ToArray());
        one.CopyTo(other);
        Assert.Equal(one.ToArray(), other.ToArray());
    }

    [Fact]
    public void Copy_Indirect_ReadsTheAddressesWhenItRuns()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using DeviceMemory<int> one = device.Allocate<int>(16), two = device.Allocate<int>(16), target = device.Allocate<int>(16);
        using DeviceMemory<nint> cells = device.Allocate<nint>(2);
        one.Fill(1);
        two.Fill(2);
        target.Fill(0);
        cells.CopyFrom([one.Address, target.Address]);
        using (Gate gate = Hold(stream))
        {
            SkipWithout(() => stream.CopyIndirect(cells[..1], 8, cells[1..], 4, target.SizeBytes, 8));
            gate.WaitUntilEntered();
            cells.CopyFrom([two.Address, target.Address]);
        }
        stream.Synchronize(Limit);
        Assert.Equal([0, 0x02020202, 0x02020202, 0], target[..4].ToArray());
    }

    [Fact]
    public void Copy_Batch_CopiesEveryEntry()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using PinnedMemory<int> host = device.AllocateHost<int>(64), back = device.AllocateHost<int>(64);
        using DeviceMemory<int> memory = device.Allocate<int>(64);
        for (int index = 0; index < 64; index++)
        {
            host[index] = index;
        }
        back.Span.Clear();
        using var up = new CopyBatch();
        using var down = new CopyBatch();
        for (int block = 0; block < 8; block++)
        {
            up.Add(host, block * 8, memory.Slice((7 - block) * 8, 8));
            down.Add(memory.Slice(block * 8, 8), back[(block * 8)..(block * 8 + 8)]);
        }
        SkipWithout(() => stream.Copy(up));
        stream.Synchronize(Limit);
        stream.Copy(down);
        stream.Synchronize(Limit);
        Assert.Equal(Enumerable.Range(0, 8).SelectMany(block => Enumerable.Range((7 - block) * 8, 8)), back.Span.ToArray());
        up.CopyNow();
        Assert.Equal(8, up.Count);
        up.Clear();
        stream.Copy(up);
    }

    [Fact]
    public void Copy_Descriptor_IsReadWhenItRuns()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using DeviceMemory<int> one = device.Allocate<int>(16), two = device.Allocate<int>(16), target = device.Allocate<int>(16);
        one.Fill(1);
        two.Fill(2);
        target.Fill(0);
        CopyDescriptor? descriptor = null;
        SkipWithout(() => descriptor = device.Context.CreateCopyDescriptor<int>(one, target));
        using (descriptor)
        {
            using (Gate gate = Hold(stream))
            {
                stream.Copy(descriptor!);
                gate.WaitUntilEntered();
                descriptor!.Set<int>(two, target);
            }
            stream.Synchronize(Limit);
            Assert.Equal(0x02020202, target.ToArray()[0]);
        }
    }

    [Fact]
    public void Fill_IsQueued()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using DeviceMemory<byte> memory = device.Allocate<byte>(256);
        memory.Fill(1);
        using (Gate gate = Hold(stream))
        {
            stream.Fill(memory[100..200], 9);
            Assert.Equal(1, memory[150..151].ToArray()[0]);
        }
        stream.Synchronize(Limit);
        Assert.Equal([1, 9, 9, 1], [memory[99..100].ToArray()[0], memory[100..101].ToArray()[0], memory[199..200].ToArray()[0], memory[200..201].ToArray()[0]]);
    }

    [Fact]
    public void Registered_ManagedMemory_IsCopiedAsynchronously()
    {
        using Npu npu = Open();
        using NpuDevice device = npu.OpenDevice(0);
        using NpuStream stream = device.CreateStream();
        using DeviceMemory<int> memory = device.Allocate<int>(1024);
        memory.Fill(0);
        int[] array = [.. Enumerable.Range(0, 1024)];
        RegisteredMemory<int>? registered = null;
        SkipWithout(() => registered = device.Context.Register<int>(array));
        using (registered)
        {
            using (Gate gate = Hold(stream))
            {
                stream.Copy(registered!, memory);
                Assert.Equal(0, memory.ToArray()[1023]);
            }
            stream.Synchronize(Limit);
        }
        Assert.Equal(array, memory.ToArray());
    }

    [Fact]
    public void Copy_BetweenDevices_WithPeerAccess()
    {
        using Npu npu = Open();
        Assert.SkipWhen(npu.DeviceCount < 2, "one device only");
        using NpuDevice first = npu.OpenDevice(0), second = npu.OpenDevice(1);
        Assert.True(first.CanAccess(second));
        first.EnablePeerAccess(second);
        second.EnablePeerAccess(first);
        Assert.True(first.HasPeerAccess(second));
        using NpuStream stream = first.CreateStream();
        using DeviceMemory<int> from = first.Allocate<int>(8), to = second.Allocate<int>(8);
        from.Fill(5);
        stream.Copy(from, to);
        stream.Synchronize(Limit);
        Assert.Equal(0x05050505, to.ToArray()[7]);
        first.DisablePeerAccess(second);
        Assert.False(first.HasPeerAccess(second));
    }
}

public sealed class CopyTestsInProcess : CopyTests
{
    internal override Npu Open() => Npu.Open(new NpuOptions { DeviceCount = 2, Soc = "910b" });
}

public sealed class CopyTestsOfLibrary : CopyTests
{
    internal override Npu Open() => OpenLibrary();
}

public sealed class CopyTestsOfRealLibrary : CopyTests
{
    internal override Npu Open() => OpenReal();
}
