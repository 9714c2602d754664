using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>The bytes of a copy are the same whichever kernel moves them: every kernel forced, every kind of size, alignment and path.</summary>
public sealed unsafe class CopyKernelTests
{
    private const int Guard = 256;

    /// <summary>Those of this processor, in process; those in C run in tests/c/basics/copies.c.</summary>
    public static TheoryData<string> Kernels => [CopyKernel.Auto, .. CopyKernel.Available];

    /// <summary>Around every threshold of the engine: vectors, cache, small copies, pieces of large ones.</summary>
    private static readonly int[] s_sizes =
    [
        1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 4096, 4097, (32 << 10) - 1, 32 << 10, (32 << 10) + 1, (512 << 10) - 3, 512 << 10,
        (512 << 10) + 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 77,
    ];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Copy_EverySizeAndAlignment_MovesExactlyItsBytes(string kernel)
    {
        using var machine = new TestMachine(kernel: kernel);
        int room = s_sizes[^1] + 2 * Guard;
        byte* from = TestMachine.Pageable((nuint)room), to = TestMachine.Pageable((nuint)room);
        for (int index = 0; index < room; index++)
        {
            from[index] = (byte)(index * 31 + (index >> 8) * 7);
        }
        foreach (int size in s_sizes)
        {
            foreach ((int fromShift, int toShift) in new[] { (0, 0), (1, 0), (0, 1), (3, 17), (32, 31), (63, 64) })
            {
                new Span<byte>(to, size + 2 * Guard).Fill(0xEE);
                CopyEngine.Copy(to + Guard + toShift, from + fromShift, (nuint)size);
                string what = $"{kernel}, {size} bytes from +{fromShift} to +{toShift}";
                Assert.True(new Span<byte>(to + Guard + toShift, size).SequenceEqual(new Span<byte>(from + fromShift, size)), $"{what}: other bytes");
                Assert.True(new Span<byte>(to, Guard + toShift).IndexOfAnyExcept((byte)0xEE) < 0, $"{what}: wrote before its target");
                Assert.True(new Span<byte>(to + Guard + toShift + size, Guard - toShift).IndexOfAnyExcept((byte)0xEE) < 0, $"{what}: wrote behind its target");
            }
        }
        NativeMemory.AlignedFree(from);
        NativeMemory.AlignedFree(to);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Copy_Overlapping_ComesOutAsMemmove(string kernel)
    {
        using var machine = new TestMachine(kernel: kernel);
        foreach (int size in new[] { 40, 100, 200, 5000, 40_000, 600_000, (2 << 20) + 5 })
        {
            foreach (int shift in new[] { 1, 16, 33, 129 })
            {
                byte[] bytes = Pattern(size + shift), expected = Pattern(size + shift);
                Array.Copy(expected, 0, expected, shift, size);
                fixed (byte* memory = bytes)
                {
                    CopyEngine.Copy(memory + shift, memory, (nuint)size);
                }
                Assert.True(bytes.AsSpan().SequenceEqual(expected), $"{kernel}: {size} bytes moved up by {shift}");

                bytes = Pattern(size + shift);
                expected = Pattern(size + shift);
                Array.Copy(expected, shift, expected, 0, size);
                fixed (byte* memory = bytes)
                {
                    CopyEngine.Copy(memory, memory + shift, (nuint)size);
                }
                Assert.True(bytes.AsSpan().SequenceEqual(expected), $"{kernel}: {size} bytes moved down by {shift}");
            }
        }
    }

    /// <summary>Through the interface: pinned, pageable and device memory, one way and back, on two streams and as rectangles.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Interface_RoundTrips_BringTheBytesBack(string kernel)
    {
        using var machine = new TestMachine(kernel: kernel);
        nint first = machine.Stream(), second = machine.Stream();
        foreach (int size in s_sizes)
        {
            byte* pinned = machine.Pinned((nuint)size), pageable = TestMachine.Pageable((nuint)size);
            byte* device = machine.Device((nuint)size), other = machine.Device((nuint)size);
            Pattern(size).CopyTo(new Span<byte>(pinned, size));
            machine.Ok(machine.Api.aclrtMemcpyAsync(device, (nuint)size, pinned, (nuint)size, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, first));
            machine.Ok(machine.Api.aclrtSynchronizeStream(first));
            machine.Ok(machine.Api.aclrtMemcpyAsync(other, (nuint)size, device, (nuint)size, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE, second));
            machine.Ok(machine.Api.aclrtMemcpyAsync(pageable, (nuint)size, other, (nuint)size, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, second));
            machine.Ok(machine.Api.aclrtSynchronizeStream(second));
            Assert.True(new Span<byte>(pageable, size).SequenceEqual(Pattern(size)), $"{kernel}: {size} bytes there and back");
            machine.Ok(machine.Api.aclrtFree(device));
            machine.Ok(machine.Api.aclrtFree(other));
            machine.Ok(machine.Api.aclrtFreeHost(pinned));
            NativeMemory.AlignedFree(pageable);
        }
        const int Width = 1000, Pitch = 1024, Height = 3000;
        byte[] rows = Pattern(Width * Height), back = new byte[Width * Height];
        byte* rectangle = machine.Device(Pitch * Height);
        fixed (byte* source = rows, target = back)
        {
            machine.Ok(machine.Api.aclrtMemcpy2d(rectangle, Pitch, source, Width, Width, Height, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE));
            machine.Ok(machine.Api.aclrtMemcpy2d(target, Width, rectangle, Pitch, Width, Height, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST));
        }
        Assert.True(rows.AsSpan().SequenceEqual(back), $"{kernel}: rows of a rectangle");
    }

    private static byte[] Pattern(int size)
    {
        var bytes = new byte[size];
        for (int index = 0; index < size; index++)
        {
            bytes[index] = (byte)(index * 13 + (index >> 9) * 5 + 1);
        }
        return bytes;
    }

    [Fact]
    public void Names_ThatTheVariableMayHave_CoverThisProcessor()
    {
        Assert.Empty(CopyKernel.Available.Except(CopyKernel.Names));
        Assert.Equal(CopyKernel.Libc, CopyKernel.FirstOf("no such kernel"));
        Assert.Contains(CopyKernel.Libc, CopyKernel.Available);
    }

    [Fact]
    public void UseKernel_OneOrAll_SaysWhichAreInUse()
    {
        using var machine = new TestMachine();
        Assert.EndsWith("above", CopyEngine.KernelsInUse);
        foreach (string kernel in CopyKernel.Available)
        {
            CopyEngine.UseKernel(kernel);
            Assert.Equal(kernel, CopyEngine.KernelsInUse);
        }
        CopyEngine.UseKernel(CopyKernel.Auto);
    }
}
