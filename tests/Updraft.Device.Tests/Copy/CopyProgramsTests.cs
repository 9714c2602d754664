using System.Runtime.InteropServices;
using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>
/// Random programs of every queued operation on several streams, against a sequential model. A program is a list of steps that is put
/// into the streams; steps of different streams that touch the same bytes are ordered by events or values, so that there is one right
/// result whatever the schedule. A failure names the seed: the same seed makes the same program.
/// </summary>
public sealed unsafe class CopyProgramsTests
{
    private const int Streams = 4, Blocks = 24, BlockBytes = 192, Steps = 120, Area = Blocks * BlockBytes;

    public static TheoryData<string, int> Programs
    {
        get
        {
            var data = new TheoryData<string, int>();
            // A new seed every day finds what fixed ones miss; the name of the test tells it.
            int today = (int)(DateTime.UtcNow - DateTime.UnixEpoch).TotalDays;
            foreach (int seed in Enumerable.Range(1, 12).Append(today))
            {
                foreach (string schedule in new[] { "threads", "eager", "late", $"random:{seed}" })
                {
                    data.Add(schedule, seed);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Programs))]
    public void RandomProgram_AnySchedule_EndsLikeTheSequentialModel(string schedule, int seed)
    {
        using var machine = new TestMachine("950", schedule: schedule, tasksPerStream: seed % 3 == 0 ? 8 : null);
        new Program(machine, new Random(seed)).Run($"seed {seed}, schedule {schedule}");
    }

    private sealed class Program(TestMachine machine, Random random)
    {
        private readonly nint[] _streams = [.. Enumerable.Range(0, Streams).Select(_ => machine.Stream())];
        private readonly byte* _device = machine.Device(Area), _host = machine.Pinned(Area), _cells = machine.Device(Steps * 8);
        private readonly byte[] _deviceModel = new byte[Area], _hostModel = new byte[Area];

        /// <summary>Who used a block last: a step that uses it on another stream waits for that one.</summary>
        private readonly int[] _deviceUser = [.. Enumerable.Repeat(-1, Blocks)], _hostUser = [.. Enumerable.Repeat(-1, Blocks)];
        private readonly nint[] _events = new nint[Streams];
        private int _cell;

        private AclApi Api => machine.Api;

        internal void Run(string name)
        {
            for (int index = 0; index < Streams; index++)
            {
                nint handle;
                machine.Ok(Api.aclrtCreateEventExWithFlag(&handle, 1));
                _events[index] = handle;
            }
            random.NextBytes(_deviceModel);
            random.NextBytes(_hostModel);
            machine.Write(_device, _deviceModel);
            machine.Write(_cells, new byte[Steps * 8]);
            _hostModel.CopyTo(new Span<byte>(_host, Area));
            for (int step = 0; step < Steps; step++)
            {
                Step(random.Next(Streams));
            }
            machine.Ok(Api.aclrtSynchronizeDevice());
            AssertSame(name, "device", _deviceModel, machine.Read(_device, Area));
            AssertSame(name, "host", _hostModel, new Span<byte>(_host, Area).ToArray());
        }

        private static void AssertSame(string name, string side, byte[] expected, byte[] found)
        {
            int index = expected.AsSpan().CommonPrefixLength(found);
            if (index < expected.Length)
            {
                Assert.Fail($"{name}: byte {index % BlockBytes} of {side} block {index / BlockBytes} is {found[index]}, expected {expected[index]}");
            }
        }

        private void Step(int stream)
        {
            int a = random.Next(Blocks), b = random.Next(Blocks);
            int bytes = random.Next(1, BlockBytes + 1);
            switch (random.Next(9))
            {
                case 0:
                    Use(stream, [a], [b]);
                    machine.Ok(Api.aclrtMemcpyAsync(Device(a), (nuint)bytes, Host(b), (nuint)bytes, Default, _streams[stream]));
                    HostModel(b, bytes).CopyTo(DeviceModel(a, bytes));
                    break;
                case 1:
                    Use(stream, [a], [b]);
                    machine.Ok(Api.aclrtMemcpyAsyncWithCondition(Host(b), (nuint)bytes, Device(a), (nuint)bytes, D2H, _streams[stream]));
                    DeviceModel(a, bytes).CopyTo(HostModel(b, bytes));
                    break;
                case 2:
                    Use(stream, [a, b], []);
                    machine.Ok(Api.aclrtMemcpyAsync(Device(a), (nuint)bytes, Device(b), (nuint)bytes, D2D, _streams[stream]));
                    DeviceModel(b, bytes).CopyTo(DeviceModel(a, bytes));
                    break;
                case 3:
                    Use(stream, [a], []);
                    machine.Ok(Api.aclrtMemsetAsync(Device(a), (nuint)bytes, bytes, (nuint)bytes, _streams[stream]));
                    DeviceModel(a, bytes).Fill((byte)bytes);
                    break;
                case 4:
                    Use(stream, [a], []);
                    machine.Ok(Api.aclrtMemsetD32Async(Device(a), BlockBytes, (uint)bytes * 0x01020305u, (nuint)(bytes / 4), _streams[stream]));
                    MemoryMarshal.Cast<byte, uint>(DeviceModel(a, bytes / 4 * 4)).Fill((uint)bytes * 0x01020305u);
                    break;
                case 5:
                    Use(stream, [a, b], []);
                    Reduce(stream, a, b, bytes);
                    break;
                case 6:
                    Rectangle(stream, a, b);
                    break;
                case 7:
                    Batch(stream);
                    break;
                default:
                    HandOver(stream, random.Next(Streams));
                    break;
            }
        }

        private void Reduce(int stream, int a, int b, int bytes)
        {
            bool isSum = random.Next(2) == 0;
            machine.Ok(Api.aclrtReduceAsync(Device(a), Device(b), (ulong)bytes, isSum ? aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM : aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX, aclDataType.ACL_INT8, _streams[stream], null));
            Span<byte> to = DeviceModel(a, bytes), from = DeviceModel(b, bytes);
            for (int index = 0; index < bytes; index++)
            {
                to[index] = isSum ? (byte)(to[index] + from[index]) : (byte)Math.Max((sbyte)to[index], (sbyte)from[index]);
            }
        }

        /// <summary>Three rows of neighbouring blocks.</summary>
        private void Rectangle(int stream, int a, int b)
        {
            (a, b) = (Math.Min(a, Blocks - 3), Math.Min(b, Blocks - 3));
            int width = random.Next(1, BlockBytes);
            Use(stream, [a, a + 1, a + 2], [b, b + 1, b + 2]);
            machine.Ok(Api.aclrtMemcpy2dAsync(Device(a), BlockBytes, Host(b), BlockBytes, (nuint)width, 3, H2D, _streams[stream]));
            for (int row = 0; row < 3; row++)
            {
                HostModel(b + row, width).CopyTo(DeviceModel(a + row, width));
            }
        }

        /// <summary>A batch whose elements do not touch each other, as they have no order.</summary>
        private void Batch(int stream)
        {
            int[] targets = [.. Enumerable.Range(0, Blocks)], sources = [.. Enumerable.Range(0, Blocks)];
            random.Shuffle(targets);
            random.Shuffle(sources);
            int count = random.Next(1, 6);
            void** dsts = stackalloc void*[count], srcs = stackalloc void*[count];
            nuint* sizes = stackalloc nuint[count];
            Use(stream, targets[..count], sources[..count]);
            for (int index = 0; index < count; index++)
            {
                sizes[index] = (nuint)random.Next(1, BlockBytes + 1);
                dsts[index] = Device(targets[index]);
                srcs[index] = Host(sources[index]);
                HostModel(sources[index], (int)sizes[index]).CopyTo(DeviceModel(targets[index], (int)sizes[index]));
            }
            var attribute = new aclrtMemcpyBatchAttr { dstLoc = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
            nuint zero = 0;
            machine.Ok(Api.aclrtMemcpyBatchAsyncV2(dsts, sizes, srcs, sizes, (nuint)count, &attribute, &zero, 1, _streams[stream]));
        }

        /// <summary>The step on that stream uses these blocks: it comes after their last users on other streams.</summary>
        private void Use(int stream, int[] deviceBlocks, int[] hostBlocks)
        {
            int[] earlier = [.. deviceBlocks.Select(block => _deviceUser[block]).Concat(hostBlocks.Select(block => _hostUser[block])).Where(user => user >= 0 && user != stream).Distinct()];
            foreach (int user in earlier)
            {
                Order(user, stream);
            }
            foreach (int block in deviceBlocks)
            {
                _deviceUser[block] = stream;
            }
            foreach (int block in hostBlocks)
            {
                _hostUser[block] = stream;
            }
        }

        private void HandOver(int from, int to)
        {
            if (from != to)
            {
                Order(from, to);
            }
        }

        /// <summary>What follows on the second stream comes after what is queued on the first: by an event, or by a value in device memory.</summary>
        private void Order(int first, int second)
        {
            if (_cell < Steps && random.Next(2) == 0)
            {
                byte* cell = _cells + 8 * _cell++;
                ulong value = (ulong)random.Next(1, 1000);
                machine.Ok(Api.aclrtValueWait(cell, value, (uint)random.Next(2), _streams[second]));
                machine.Ok(Api.aclrtValueWrite(cell, value, 0, _streams[first]));
                return;
            }
            machine.Ok(Api.aclrtRecordEvent(_events[first], _streams[first]));
            machine.Ok(Api.aclrtStreamWaitEvent(_streams[second], _events[first]));
        }

        private byte* Device(int block) => _device + block * BlockBytes;
        private byte* Host(int block) => _host + block * BlockBytes;
        private Span<byte> DeviceModel(int block, int bytes) => _deviceModel.AsSpan(block * BlockBytes, bytes);
        private Span<byte> HostModel(int block, int bytes) => _hostModel.AsSpan(block * BlockBytes, bytes);
    }
}
