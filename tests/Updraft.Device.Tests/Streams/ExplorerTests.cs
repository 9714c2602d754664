using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>
/// Random programs against a sequential model. A program is a list of operations on blocks of memory; each reads one block and writes
/// another. Where two operations touch the same block and one writes, the later one is ordered behind the earlier one, by whatever
/// means chance picks: the same stream, one of three kinds of events, a notify, a synchronise of the host. So there is one right
/// result, that of running the list in order, and every byte is compared with it.
///
/// Several host threads issue the program, each its own streams. An operation is issued only after those it depends on have been.
/// A failure prints the seed: <c>Explore(schedule, seed)</c> runs the same program again.
/// </summary>
public sealed unsafe class ExplorerTests
{
    private const int Blocks = 24, BlockBytes = 192, Operations = 220;

    public static TheoryData<string, int> Programs
    {
        get
        {
            var programs = new TheoryData<string, int>();
            for (int seed = 1; seed <= 12; seed++)
            {
                programs.Add("threads", seed);
                programs.Add("late", seed);
                programs.Add("eager", seed);
                programs.Add($"random:{seed}", seed);
            }
            return programs;
        }
    }

    [Theory, MemberData(nameof(Programs))]
    public void RandomDag_OverStreamsAndThreads_EndsAsTheSequentialModel(string schedule, int seed) => Explore(schedule, seed);

    private static void Explore(string schedule, int seed)
    {
        // Threads of the host make a stepped schedule irreproducible, so those get one.
        int hostThreads = schedule == "threads" ? 3 : 1;
        using var machine = new TestMachine(schedule: schedule, devices: 2);
        var program = new RandomProgram(machine, seed, hostThreads);
        program.Run();
        program.Compare($"schedule {schedule}, seed {seed}");
    }

    private enum Link { SameStream, ExEvent, DefaultEvent, FlaggedEvent, Notify, HostSynchronise }

    private sealed class Operation
    {
        internal int Index, Stream, From, To, Value;
        internal bool IsHostFunction, IsFill;
        internal List<(Operation Before, Link Link, nint Object)> Dependencies = [];
        internal List<(Link Link, nint Object)> Records = [];
        internal readonly ManualResetEventSlim Issued = new();
    }

    private sealed class RandomProgram
    {
        private readonly TestMachine _machine;
        private readonly int _hostThreads;
        private readonly nint[] _streams;
        private readonly int[] _threadOfStream;
        private readonly Operation[] _operations;
        private readonly byte[][] _model = new byte[Blocks][];
        private readonly nint[] _blocks = new nint[Blocks];

        internal RandomProgram(TestMachine machine, int seed, int hostThreads)
        {
            (_machine, _hostThreads) = (machine, hostThreads);
            var random = new Random(seed);
            int streams = random.Next(2, 9);
            _streams = [.. Enumerable.Range(0, streams).Select(_ => machine.Stream())];
            _threadOfStream = [.. Enumerable.Range(0, streams).Select(index => index % hostThreads)];
            // Even blocks are device memory, odd ones pinned host memory; copies between two host blocks do not exist.
            for (int block = 0; block < Blocks; block++)
            {
                _model[block] = new byte[BlockBytes];
                random.NextBytes(_model[block]);
                byte* memory = IsHost(block) ? machine.Pinned(BlockBytes) : machine.Device(BlockBytes);
                _blocks[block] = (nint)memory;
                if (IsHost(block))
                {
                    _model[block].CopyTo(new Span<byte>(memory, BlockBytes));
                }
                else
                {
                    machine.Write(memory, _model[block]);
                }
            }
            _operations = Generate(random);
        }

        private static bool IsHost(int block) => block % 2 == 1;

        private Operation[] Generate(Random random)
        {
            var operations = new Operation[Operations];
            var writer = new Operation?[Blocks];
            var readers = new List<Operation>[Blocks];
            for (int block = 0; block < Blocks; block++)
            {
                readers[block] = [];
            }
            for (int index = 0; index < Operations; index++)
            {
                var operation = operations[index] = new Operation { Index = index, Stream = random.Next(_streams.Length), Value = random.Next(256) };
                operation.To = random.Next(Blocks);
                operation.From = random.Next(Blocks);
                operation.IsHostFunction = IsHost(operation.To) && (IsHost(operation.From) || random.Next(4) == 0);
                operation.IsFill = !operation.IsHostFunction && (operation.From == operation.To || random.Next(5) == 0) && !IsHost(operation.To);
                if (!operation.IsHostFunction && !operation.IsFill && (operation.From == operation.To || IsHost(operation.From) && IsHost(operation.To)))
                {
                    operation.IsHostFunction = true;
                }
                // A host function reads and writes host blocks only.
                operation.From = operation.IsHostFunction && !IsHost(operation.From) || operation.IsFill ? operation.To : operation.From;

                var before = new HashSet<Operation>();
                if (writer[operation.From] is { } written)
                {
                    before.Add(written);
                }
                if (writer[operation.To] is { } overwritten)
                {
                    before.Add(overwritten);
                }
                before.UnionWith(readers[operation.To]);
                foreach (Operation each in before.OrderBy(each => each.Index))
                {
                    AddDependency(random, operation, each);
                }
                writer[operation.To] = operation;
                readers[operation.To].Clear();
                readers[operation.From].Add(operation);
            }
            return operations;
        }

        private void AddDependency(Random random, Operation operation, Operation before)
        {
            Link link = operation.Stream == before.Stream ? Link.SameStream : (Link)random.Next((int)Link.ExEvent, (int)Link.HostSynchronise + 1);
            nint target = link switch
            {
                Link.ExEvent => _machine.ExEvent(),
                Link.DefaultEvent => _machine.Event(),
                Link.FlaggedEvent => _machine.FlaggedEvent(),
                Link.HostSynchronise => _machine.ExEvent(),
                Link.Notify => _machine.Notify(),
                _ => 0,
            };
            operation.Dependencies.Add((before, link, target));
            if (target != 0)
            {
                before.Records.Add((link, target));
            }
        }

        internal void Run()
        {
            if (_hostThreads == 1)
            {
                Issue(0);
            }
            else
            {
                Background[] threads = [.. Enumerable.Range(0, _hostThreads).Select(thread => _machine.InBackground(() => Issue(thread)))];
                foreach (Background thread in threads)
                {
                    thread.Join();
                }
            }
            _machine.Ok(_machine.Api.aclrtSynchronizeDevice());
        }

        private void Issue(int thread)
        {
            foreach (Operation operation in _operations)
            {
                if (_threadOfStream[operation.Stream] != thread)
                {
                    continue;
                }
                nint stream = _streams[operation.Stream];
                foreach ((Operation before, Link link, nint target) in operation.Dependencies)
                {
                    // What it waits for must have been recorded, else a default or Ex event would not wait.
                    Assert.True(before.Issued.Wait(TimeSpan.FromSeconds(30)), "a predecessor was never issued");
                    switch (link)
                    {
                        case Link.ExEvent or Link.DefaultEvent or Link.FlaggedEvent:
                            _machine.Ok(_machine.Api.aclrtStreamWaitEvent(stream, target));
                            break;
                        case Link.Notify:
                            _machine.Ok(_machine.Api.aclrtWaitAndResetNotify(target, stream, 0));
                            break;
                        case Link.HostSynchronise:
                            _machine.Ok(_machine.Api.aclrtSynchronizeEvent(target));
                            break;
                    }
                }
                Queue(operation, stream);
                foreach ((Link link, nint target) in operation.Records)
                {
                    _machine.Ok(link == Link.Notify ? _machine.Api.aclrtRecordNotify(target, stream) : _machine.Api.aclrtRecordEvent(target, stream));
                }
                operation.Issued.Set();
            }
        }

        private void Queue(Operation operation, nint stream)
        {
            void* to = (void*)_blocks[operation.To];
            void* from = (void*)_blocks[operation.From];
            if (operation.IsHostFunction)
            {
                var job = new HostJob { To = (nint)to, From = (nint)from, Value = (byte)operation.Value };
                _machine.Ok(_machine.Api.aclrtLaunchHostFunc(stream, HostJob.Function, (void*)GCHandle.ToIntPtr(GCHandle.Alloc(job))));
            }
            else if (operation.IsFill)
            {
                _machine.Ok(_machine.Api.aclrtMemsetAsync(to, BlockBytes, operation.Value, BlockBytes, stream));
            }
            else
            {
                aclrtMemcpyKind kind = (IsHost(operation.From), IsHost(operation.To)) switch
                {
                    (true, false) => aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE,
                    (false, true) => aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST,
                    _ => aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE,
                };
                _machine.Ok(_machine.Api.aclrtMemcpyAsync(to, BlockBytes, from, BlockBytes, kind, stream));
            }
        }

        internal void Compare(string which)
        {
            foreach (Operation operation in _operations)
            {
                byte[] to = _model[operation.To], from = _model[operation.From];
                if (operation.IsHostFunction)
                {
                    for (int index = 0; index < BlockBytes; index++)
                    {
                        to[index] = (byte)(from[index] * 3 + operation.Value);
                    }
                }
                else if (operation.IsFill)
                {
                    Array.Fill(to, (byte)operation.Value);
                }
                else
                {
                    from.CopyTo(to, 0);
                }
            }
            for (int block = 0; block < Blocks; block++)
            {
                byte[] found = IsHost(block) ? new Span<byte>((void*)_blocks[block], BlockBytes).ToArray() : _machine.Read((void*)_blocks[block], BlockBytes);
                Assert.True(found.AsSpan().SequenceEqual(_model[block]), $"{which}: block {block} differs from the sequential model");
            }
        }
    }

    private sealed class HostJob
    {
        internal nint To, From;
        internal byte Value;

        internal static nint Function => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Work;

        [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
        private static void Work(void* argument)
        {
            GCHandle handle = GCHandle.FromIntPtr((nint)argument);
            var job = (HostJob)handle.Target!;
            handle.Free();
            byte* to = (byte*)job.To, from = (byte*)job.From;
            for (int index = 0; index < BlockBytes; index++)
            {
                to[index] = (byte)(from[index] * 3 + job.Value);
            }
        }
    }
}
