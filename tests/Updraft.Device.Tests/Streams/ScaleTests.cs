using System.Diagnostics;
using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>The sizes the issue asks for: many streams, devices, commands and events work and leave nothing behind.</summary>
public sealed unsafe class ScaleTests
{
    [Fact]
    public void AMillionCommands_OverAllStreamsOf16Devices_RunAndNeedNoThreadPerStream()
    {
        const int devices = 16, streamsPerDevice = 1983, commandsPerStream = 32;
        using var machine = new TestMachine("910c", devices: devices);
        var streams = new List<nint>(devices * streamsPerDevice);
        nint start = machine.FlaggedEvent(), recorded = machine.ExEvent(TimeLine);
        long memoryBefore = GC.GetTotalMemory(forceFullCollection: true);
        for (int device = 0; device < devices; device++)
        {
            machine.Ok(machine.Api.aclrtSetDevice(device));
            for (int index = 0; index < streamsPerDevice; index++)
            {
                streams.Add(machine.Stream());
            }
        }
        // Idle streams: no ring yet, and under 1 KB of everything else.
        long perStream = (GC.GetTotalMemory(forceFullCollection: true) - memoryBefore) / streams.Count;
        Assert.InRange(perStream, 0, 1024);
        for (int device = 0; device < devices; device++)
        {
            machine.Ok(machine.Api.aclrtSetDevice(device));
            for (int index = 0; index < streamsPerDevice; index++)
            {
                nint stream = streams[device * streamsPerDevice + index];
                machine.Ok(machine.Api.aclrtStreamWaitEvent(stream, start));
                Stream engine = Engine(stream);
                for (int command = 1; command < commandsPerStream; command++)
                {
                    engine.Submit(new Command { Kind = CommandKind.Marker });
                }
            }
        }
        Assert.True(streams.Sum(stream => Engine(stream).Tail - Engine(stream).Head) > 1_000_000);
        int threads = Process.GetCurrentProcess().Threads.Count;
        Assert.InRange(threads, 1, 100);
        machine.Ok(machine.Api.aclrtSetDevice(0));
        machine.Ok(machine.Api.aclrtRecordEvent(start, 0));
        for (int device = 0; device < devices; device++)
        {
            machine.Ok(machine.Api.aclrtSetDevice(device));
            machine.Ok(machine.Api.aclrtSynchronizeDevice());
        }
        Assert.All(streams, stream => Assert.Equal(commandsPerStream, Engine(stream).Head));
    }

    [Fact]
    public void AllEventsOfADevice_PendingAtOnce_Complete()
    {
        const int count = 65_536;
        using var machine = new TestMachine();
        var events = new nint[count];
        nint[] streams = [.. Enumerable.Range(0, 40).Select(_ => machine.Stream())];
        nint gateEvent = machine.FlaggedEvent();
        for (int index = 0; index < count - 1; index++)
        {
            events[index] = machine.FlaggedEvent(Sync | TimeLine);
        }
        foreach (nint stream in streams)
        {
            machine.Ok(machine.Api.aclrtStreamWaitEvent(stream, gateEvent));
        }
        for (int index = 0; index < count - 1; index++)
        {
            machine.Ok(machine.Api.aclrtRecordEvent(events[index], streams[index % streams.Length]));
        }
        machine.Ok(machine.Api.aclrtRecordEvent(gateEvent, 0));
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        for (int index = 0; index < count - 1; index++)
        {
            Assert.Equal(aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_COMPLETE, machine.Recorded(events[index]));
            machine.Ok(machine.Api.aclrtDestroyEvent(events[index]));
        }
        uint free;
        machine.Ok(machine.Api.aclrtGetEventAvailNum(&free));
        Assert.Equal((uint)count - 1, free);
    }

    [Fact]
    public void EventChain_Over64Streams_KeepsTheOrder()
    {
        const int streams = 64, hops = 10_000;
        using var machine = new TestMachine();
        nint[] stream = [.. Enumerable.Range(0, streams).Select(_ => machine.Stream())];
        nint[] recorded = [.. Enumerable.Range(0, streams).Select(_ => machine.ExEvent())];
        byte* device = machine.Device(64), host = machine.Pinned(hops * 4), result = machine.Pinned(64);
        for (int hop = 0; hop < hops; hop++)
        {
            ((int*)host)[hop] = hop;
        }
        for (int hop = 0; hop < hops; hop++)
        {
            nint on = stream[hop % streams];
            if (hop > 0)
            {
                machine.Ok(machine.Api.aclrtStreamWaitEvent(on, recorded[(hop - 1) % streams]));
            }
            machine.Ok(machine.Api.aclrtMemcpyAsync(device, 4, host + hop * 4, 4, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, on));
            machine.Ok(machine.Api.aclrtRecordEvent(recorded[hop % streams], on));
        }
        machine.Ok(machine.Api.aclrtMemcpyAsync(result, 4, device, 4, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, stream[(hops - 1) % streams]));
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        Assert.Equal(hops - 1, *(int*)result);
    }
}
