using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>
/// Every function with random arguments from a bag of good and bad ones: NULL, freed, unmapped and wild pointers, sizes at and beyond every
/// edge, any kind, any stream. Nothing may crash or hang, codes are documented ones, and the neighbours of all buffers stay as they were.
/// </summary>
public sealed unsafe class CopyBadInputTests
{
    private const int Calls = 3000;
    private static readonly int[] s_codes = [0, 100000, 107000, 107002, 107003, 107008, 107017, 207000, 507013];

    public static TheoryData<string, int> Seeds
    {
        get
        {
            var data = new TheoryData<string, int>();
            int today = (int)(DateTime.UtcNow - DateTime.UnixEpoch).TotalDays;
            foreach (string chip in CopyRow.All.Split(' '))
            {
                data.Add(chip, 1);
                data.Add(chip, today);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void AnyFunction_RandomArguments_GiveDocumentedCodesAndTouchNothingElse(string chip, int seed)
    {
        using var bench = new CopyBench(chip, nameof(AnyFunction_RandomArguments_GiveDocumentedCodesAndTouchNothingElse));
        var random = new Random(seed);
        var bag = new Bag(bench, random);
        for (int index = 0; index < Calls; index++)
        {
            int function = random.Next(17);
            int code = Call(bench, random, bag, function);
            Assert.True(s_codes.Contains(code), $"seed {seed}, call {index}, function {function}: {code}");
        }
        // Whatever was queued on either stream; its failures are among the codes too.
        Assert.Contains((int)bench.Api.aclrtSynchronizeStream(bench.Stream), s_codes);
        Assert.Contains((int)bench.Api.aclrtSynchronizeStream(0), s_codes);
        bench.NothingChanged([.. bench.Buffers.Select(buffer => (buffer, Size))]);
    }

    private static int Call(CopyBench bench, Random random, Bag bag, int function)
    {
        AclApi api = bench.Api;
        nuint size = bag.Bytes(), room = random.Next(4) == 0 ? bag.Bytes() : size;
        void* to = bag.Pointer(size), from = bag.Pointer(size);
        var kind = (aclrtMemcpyKind)random.Next(-1, 9);
        nint stream = bag.Stream();
        switch (function)
        {
            case 0:
                return api.aclrtMemcpy(to, room, from, size, kind);
            case 1:
                return api.aclrtMemcpyAsync(to, room, from, size, kind, stream);
            case 2:
                return api.aclrtMemcpyAsyncWithCondition(to, room, from, size, kind, stream);
            case 3:
                return api.aclrtMemcpyAsyncWithOffset((void**)to, room, bag.Bytes(), (void**)from, size, bag.Bytes(), Inner, stream);
            case 4:
                return api.aclrtSetMemcpyDesc(to, Inner, from, bag.Pointer(size), size, null);
            case 5:
                return api.aclrtMemcpyAsyncWithDesc(to, Inner, stream);
            case 6:
                return api.aclrtMemset(to, room, 1, size);
            case 7:
                return api.aclrtMemsetAsync(to, room, 1, size, stream);
            case 8:
                return api.aclrtMemsetD32(to, room, 1, size / 4);
            case 9:
                return api.aclrtMemsetD32Async(to, room, 1, size / 4, stream);
            case 10:
                return api.aclrtMemcpy2d(to, room, from, room, Math.Min(size, 16), size / 64, kind);
            case 11:
                return api.aclrtMemcpy2dAsync(to, 64, from, 64, Math.Min(size, 16), size / 64, kind, stream);
            case 12:
                return api.aclrtReduceAsync(to, from, size, (aclrtReduceKind)random.Next(9, 15), (aclDataType)random.Next(-1, 9), stream, null);
            case 13:
                return api.aclrtValueWrite(to, 1, (uint)random.Next(2), stream);
            case 14:
                // Comes true whatever the cell holds, so that nobody waits for ever.
                return api.aclrtValueWait(to, 0x8000000000000000, (uint)random.Next(2) * 4, stream);
            default:
                return Batch(bench, random, bag, isAsync: function == 15, stream);
        }
    }

    private static int Batch(CopyBench bench, Random random, Bag bag, bool isAsync, nint stream)
    {
        int count = random.Next(1, 5), attributes = random.Next(1, 3);
        void** dsts = stackalloc void*[count], srcs = stackalloc void*[count];
        nuint* sizes = stackalloc nuint[count], rooms = stackalloc nuint[count], indexes = stackalloc nuint[attributes];
        aclrtMemcpyBatchAttr* attrs = stackalloc aclrtMemcpyBatchAttr[attributes];
        for (int index = 0; index < count; index++)
        {
            sizes[index] = bag.Bytes();
            rooms[index] = sizes[index];
            dsts[index] = bag.Pointer(sizes[index]);
            srcs[index] = bag.Pointer(sizes[index]);
        }
        for (int index = 0; index < attributes; index++)
        {
            indexes[index] = (nuint)(index == 0 ? 0 : random.Next(0, 4));
            attrs[index] = default;
            attrs[index].dstLoc.type = (aclrtMemLocationType)random.Next(0, 5);
            attrs[index].srcLoc.type = (aclrtMemLocationType)random.Next(0, 5);
        }
        nuint failIndex = 4711;
        int code = isAsync
            ? bench.Api.aclrtMemcpyBatchAsync(dsts, rooms, srcs, sizes, (nuint)count, attrs, indexes, (nuint)attributes, &failIndex, stream)
            : bench.Api.aclrtMemcpyBatch(dsts, rooms, srcs, sizes, (nuint)count, attrs, indexes, (nuint)attributes, &failIndex);
        Assert.True(failIndex == 4711 || failIndex == nuint.MaxValue || failIndex < (nuint)count, $"failIndex is {failIndex}");
        Assert.True(code != 0 || failIndex == nuint.MaxValue, $"success with failIndex {failIndex}");
        return code;
    }

    private sealed class Bag(CopyBench bench, Random random)
    {
        private readonly nint[] _wild = [0, 0x10000, -64, (nint)bench.FreedDevice(), (nint)bench.FreedPinned(), (nint)(AddressSpace.DeviceBase + 8), (nint)(AddressSpace.DeviceBase + AddressSpace.DeviceBytes - 8)];
        private readonly nuint[] _sizes = [0, 1, 8, 63, 64, 4032, Size, Size + 32, Size + 33, 1 << 20, (nuint)1 << 32, ((nuint)1 << 32) + 1, (nuint)1 << 48, nuint.MaxValue / 2 + 1, nuint.MaxValue - 3, nuint.MaxValue];

        internal nuint Bytes() => _sizes[random.Next(random.Next(3) == 0 ? _sizes.Length : 7)];

        internal nint Stream() => random.Next(8) switch { 0 => 0, 1 => bench.Foreign, 2 => bench.Destroyed, 3 => bench.Event, _ => bench.Stream };

        /// <summary>Pageable buffers only for what fits: beyond them lies memory of the process, which no check can tell from theirs.</summary>
        internal void* Pointer(nuint bytes)
        {
            if (random.Next(4) == 0)
            {
                return (void*)_wild[random.Next(_wild.Length)];
            }
            nint[] buffers = bytes <= 64 ? bench.Buffers : bench.Buffers[..5];
            // Inside, never so that a range beyond the buffer stays within the chip's padding.
            return (void*)(buffers[random.Next(buffers.Length)] + (bytes <= 64 ? random.Next(0, 32) * 64 : random.Next(3) == 0 ? 64 : 0));
        }
    }
}
