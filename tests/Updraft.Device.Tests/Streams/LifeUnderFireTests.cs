using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Things are destroyed while others use them: no hang, no crash, no lost error. The machine's watchdog ends a test that hangs.</summary>
public sealed unsafe class LifeUnderFireTests
{
    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE;

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:11")]
    public void DestroyStreamForce_QueuedBehindAWait_ReleasesItsWaiters(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        nint stream = machine.Stream(), dependant = machine.Stream(), never = machine.FlaggedEvent(), recorded = machine.ExEvent();
        machine.Ok(machine.Api.aclrtStreamWaitEvent(stream, never));
        machine.Ok(machine.Api.aclrtRecordEvent(recorded, stream));
        machine.Ok(machine.Api.aclrtStreamWaitEvent(dependant, recorded));
        machine.Ok(machine.Api.aclrtDestroyStreamForce(stream));
        machine.Ok(machine.Api.aclrtSynchronizeStream(dependant));
    }

    [Fact]
    public void DestroyStreamForce_WhileAnotherThreadSynchronises_EndsThatCallWithAnError()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), never = machine.FlaggedEvent();
        machine.Ok(machine.Api.aclrtStreamWaitEvent(stream, never));
        Background waiter = machine.InBackground(() => machine.Returns(107017, machine.Api.aclrtSynchronizeStream(stream)));
        Until(() => Engine(stream).HasWaiters);
        machine.Ok(machine.Api.aclrtDestroyStreamForce(stream));
        waiter.Join();
    }

    [Fact]
    public void DestroyStreamForce_HostFunctionsThatHaveNotBegun_AreNotCalled()
    {
        using var machine = new TestMachine();
        Calls calls = Calls.Start();
        nint held = machine.Stream(), stream = machine.Stream();
        using Gate gate = machine.Hold(held);
        gate.WaitUntilEntered();
        machine.Ok(machine.Api.aclrtLaunchHostFunc(stream, Calls.Function, null));
        machine.Ok(machine.Api.aclrtDestroyStreamForce(stream));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
        // Everything the thread had been given is over when the next function has run.
        machine.Ok(machine.Api.aclrtLaunchHostFunc(held, Calls.Function, (void*)5));
        machine.Ok(machine.Api.aclrtSynchronizeStream(held));
        Assert.Equal([5], calls.Arguments);
    }

    [Fact]
    public void HostFunctionThatNeverReturns_TimeoutsEnd_AndTheDeviceCanBeReset()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), other = machine.Stream();
        using Gate gate = machine.Hold(stream);
        gate.WaitUntilEntered();
        machine.Returns(507046, machine.Api.aclrtSynchronizeStreamWithTimeout(stream, 5));
        machine.Returns(507046, machine.Api.aclrtSynchronizeDeviceWithTimeout(5));
        machine.Ok(machine.Api.aclrtSynchronizeStreamWithTimeout(other, 30_000));
        machine.Ok(machine.Api.aclrtDestroyStreamForce(stream));
        machine.Ok(machine.Api.aclrtSynchronizeDeviceWithTimeout(30_000));
        machine.Ok(machine.Api.aclrtResetDeviceForce(0));
        machine.Returns(107002, machine.Api.aclrtSynchronizeDevice());
        machine.Ok(machine.Api.aclrtSetDevice(0));
        // The new context has a thread of its own.
        Calls calls = Calls.Start();
        machine.Ok(machine.Api.aclrtLaunchHostFunc(0, Calls.Function, (void*)1));
        machine.Ok(machine.Api.aclrtSynchronizeStream(0));
        Assert.Equal([1], calls.Arguments);
    }

    [Theory]
    [InlineData("threads"), InlineData("late"), InlineData("random:3")]
    public void ResetDevice_StreamsStandAtWaitsThatNobodyEnds_DoesNotHang(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        nint stream = machine.Stream(), never = machine.FlaggedEvent();
        machine.Ok(machine.Api.aclrtStreamWaitEvent(stream, never));
        machine.Ok(machine.Api.aclrtWaitAndResetNotify(machine.Notify(), machine.Stream(), 0));
        machine.Ok(machine.Api.aclrtResetDevice(0));
        machine.Returns(507007, machine.Api.aclrtResetDevice(0));
        machine.Returns(107017, machine.Api.aclrtSynchronizeStream(stream));
    }

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:5")]
    public void ResetDevice_WithQueuedCopies_FinishesThemFirst(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        byte* device = machine.Device(1 << 16), source = machine.Pinned(1 << 16, 6), target = machine.Pinned(1 << 16);
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 1 << 16, source, 1 << 16, H2D, stream));
        machine.Ok(machine.Api.aclrtMemcpyAsync(target, 1 << 16, device, 1 << 16, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, stream));
        machine.Ok(machine.Api.aclrtResetDevice(0));
        Assert.All(new Span<byte>(target, 1 << 16).ToArray(), value => Assert.Equal(6, value));
    }

    [Fact]
    public void DestroyContext_UnderOtherThreads_TheyGetErrorsAndGoOn()
    {
        using var machine = new TestMachine();
        for (int round = 0; round < 30; round++)
        {
            nint context;
            machine.Ok(machine.Api.aclrtCreateContext(&context, 0));
            nint stream = machine.Stream(), current = context;
            byte* memory = machine.Device(256), host = machine.Pinned(256);
            (nint device, nint source) = ((nint)memory, (nint)host);
            using var busy = new CountdownEvent(3);
            Background[] users = [.. Enumerable.Range(0, 3).Select(_ => new Background(() =>
            {
                machine.Ok(machine.Api.aclrtSetCurrentContext(current));
                bool signalled = false;
                while (true)
                {
                    int copied = machine.Api.aclrtMemcpyAsync((void*)device, 256, (void*)source, 256, H2D, stream);
                    int waited = machine.Api.aclrtSynchronizeStream(stream);
                    if (!signalled)
                    {
                        busy.Signal();
                        signalled = true;
                    }
                    if (copied != 0 || waited != 0)
                    {
                        Assert.True(copied is 0 or 107017 or 107002, $"copy returned {copied}");
                        Assert.True(waited is 0 or 107017 or 107002, $"synchronise returned {waited}");
                        return;
                    }
                }
            }))];
            Assert.True(busy.Wait(TimeSpan.FromSeconds(30)));
            machine.Ok(machine.Api.aclrtDestroyContext(context));
            foreach (Background user in users)
            {
                user.Join();
            }
            machine.Ok(machine.Api.aclrtSetDevice(0));
            machine.Ok(machine.Api.aclrtFree((void*)device));
            machine.Ok(machine.Api.aclrtFreeHost((void*)source));
        }
    }

    [Fact]
    public void ResetDeviceForce_WhileBusy_EndsEverythingAndTheDeviceWorksAgain()
    {
        using var machine = new TestMachine();
        for (int round = 0; round < 30; round++)
        {
            using var busy = new CountdownEvent(3);
            Background[] users = [.. Enumerable.Range(0, 3).Select(_ => machine.InBackground(() =>
            {
                nint stream, recorded;
                void* device;
                void* host;
                if (machine.Api.aclrtCreateStream(&stream) != 0 || machine.Api.aclrtCreateEventExWithFlag(&recorded, 1) != 0
                    || machine.Api.aclrtMalloc(&device, 4096, aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST) != 0 || machine.Api.aclrtMallocHost(&host, 4096) != 0)
                {
                    busy.Signal();
                    return;
                }
                busy.Signal();
                int code;
                do
                {
                    code = machine.Api.aclrtMemcpyAsync(device, 4096, host, 4096, H2D, stream);
                    code = code != 0 ? code : machine.Api.aclrtRecordEvent(recorded, stream);
                    code = code != 0 ? code : machine.Api.aclrtStreamWaitEvent(stream, recorded);
                    code = code != 0 ? code : machine.Api.aclrtSynchronizeEvent(recorded);
                }
                while (code == 0);
                // 507013: the memory was gone before the copy was queued, and the stream before its error was asked for.
                Assert.True(code is 107017 or 107002 or 107003 or 107000 or 107023 or 507013 or 207000, $"returned {code}: {machine.Message()}");
                _ = machine.Api.aclrtFreeHost(host);
            }))];
            Assert.True(busy.Wait(TimeSpan.FromSeconds(30)));
            machine.Ok(machine.Api.aclrtResetDeviceForce(0));
            foreach (Background user in users)
            {
                user.Join();
            }
            machine.Ok(machine.Api.aclrtSetDevice(0));
            machine.Ok(machine.Api.aclrtSynchronizeStream(machine.Stream()));
        }
    }

    [Fact]
    public void CreateAndDestroy_FromManyThreads_StreamsEventsAndNotifiesAllComeBack()
    {
        using var machine = new TestMachine();
        uint streams, events;
        machine.Ok(machine.Api.aclrtGetStreamAvailableNum(&streams));
        machine.Ok(machine.Api.aclrtGetEventAvailNum(&events));
        Background[] users = [.. Enumerable.Range(0, 4).Select(seed => machine.InBackground(() =>
        {
            for (int round = 0; round < 300; round++)
            {
                nint first = machine.Stream(), second = machine.Stream(), recorded = machine.FlaggedEvent(), notify = machine.Notify();
                machine.Ok(machine.Api.aclrtRecordEvent(recorded, first));
                machine.Ok(machine.Api.aclrtStreamWaitEvent(second, recorded));
                machine.Ok(machine.Api.aclrtRecordNotify(notify, second));
                machine.Ok(machine.Api.aclrtWaitAndResetNotify(notify, first, 0));
                machine.Ok(machine.Api.aclrtDestroyEvent(recorded));
                machine.Ok((round + seed) % 2 == 0 ? machine.Api.aclrtDestroyStream(first) : machine.Api.aclrtDestroyStreamForce(first));
                machine.Ok(machine.Api.aclrtDestroyStreamForce(second));
                machine.Ok(machine.Api.aclrtDestroyNotify(notify));
            }
        }))];
        foreach (Background user in users)
        {
            user.Join();
        }
        uint streamsAfter, eventsAfter;
        machine.Ok(machine.Api.aclrtGetStreamAvailableNum(&streamsAfter));
        machine.Ok(machine.Api.aclrtGetEventAvailNum(&eventsAfter));
        Assert.Equal((streams, events), (streamsAfter, eventsAfter));
    }

    [Fact]
    public void StreamAbort_AgainAndAgainUnderSubmitters_TheStreamSurvives()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), recorded = machine.Event();
        bool stops = false;
        Background[] users = [.. Enumerable.Range(0, 2).Select(_ => machine.InBackground(() =>
        {
            while (!Volatile.Read(ref stops))
            {
                int code = machine.Api.aclrtRecordEvent(recorded, stream);
                Assert.True(code is 0 or 107023, $"record returned {code}");
                code = machine.Api.aclrtSynchronizeStream(stream);
                Assert.True(code is 0 or 107023, $"synchronise returned {code}");
            }
        }))];
        for (int round = 0; round < 200; round++)
        {
            machine.Ok(machine.Api.aclrtStreamAbort(stream));
        }
        Volatile.Write(ref stops, true);
        foreach (Background user in users)
        {
            user.Join();
        }
        machine.Ok(machine.Api.aclrtRecordEvent(recorded, stream));
        machine.Ok(machine.Api.aclrtSynchronizeEvent(recorded));
    }

    [Fact]
    public void DeviceTaskAbort_UnderLoad_EveryCallReturnsAndTheDeviceWorksAgain()
    {
        using var machine = new TestMachine();
        bool stops = false;
        Background[] users = [.. Enumerable.Range(0, 3).Select(_ => machine.InBackground(() =>
        {
            nint stream = machine.Stream(), recorded = machine.ExEvent();
            while (!Volatile.Read(ref stops))
            {
                int code = machine.Api.aclrtRecordEvent(recorded, stream);
                code = code != 0 ? code : machine.Api.aclrtSynchronizeStream(stream);
                Assert.True(code is 0 or 107022, $"returned {code}");
            }
        }))];
        for (int round = 0; round < 100; round++)
        {
            machine.Ok(machine.Api.aclrtDeviceTaskAbort(0, 0));
        }
        Volatile.Write(ref stops, true);
        foreach (Background user in users)
        {
            user.Join();
        }
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
    }

    [Fact]
    public void DestroyEvent_WhileStreamsWaitForIt_TheyGoOnWhenItsRecordIsReached()
    {
        using var machine = new TestMachine();
        nint recording = machine.Stream(), waiting = machine.Stream(), recorded = machine.ExEvent();
        using Gate gate = machine.Hold(recording);
        machine.Ok(machine.Api.aclrtRecordEvent(recorded, recording));
        machine.Ok(machine.Api.aclrtStreamWaitEvent(waiting, recorded));
        machine.Ok(machine.Api.aclrtDestroyEvent(recorded));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(waiting));
    }

    [Theory]
    [InlineData(17)]
    public void EveryFunctionOfStreamsAndEvents_BadHandles_NeverSucceedsAndNeverCrashes(int seed)
    {
        using var machine = new TestMachine();
        var random = new Random(seed);
        nint live = machine.Stream(), recorded = machine.Event();
        nint[] candidates = [1, -1, 0x7fff_ffff, nint.MinValue, live + 1, live ^ (1 << 27), recorded, machine.StaleStream(), ThreadState.Current.Context!.Handle, (nint)random.NextInt64()];
        foreach (nint bad in candidates)
        {
            int id;
            uint value;
            aclrtStreamStatus status;
            Assert.Equal(107017, machine.Api.aclrtSynchronizeStream(bad));
            Assert.Equal(107017, machine.Api.aclrtStreamQuery(bad, &status));
            Assert.Equal(107017, machine.Api.aclrtStreamGetId(bad, &id));
            Assert.Equal(107017, machine.Api.aclrtStreamGetFlags(bad, &value));
            Assert.Equal(107017, machine.Api.aclrtDestroyStream(bad));
            Assert.Equal(107017, machine.Api.aclrtDestroyStreamForce(bad));
            Assert.Equal(107017, machine.Api.aclrtRecordEvent(recorded, bad));
            Assert.Equal(107017, machine.Api.aclrtStreamAbort(bad));
            Assert.Equal(107017, machine.Api.aclrtLaunchHostFunc(bad, Calls.Function, null));
            Assert.Equal(107017, machine.Api.aclrtSubscribeReport(1, bad));
            if (bad != recorded)
            {
                Assert.Equal(107017, machine.Api.aclrtDestroyEvent(bad));
                Assert.Equal(107017, machine.Api.aclrtRecordEvent(bad, live));
                Assert.Equal(107017, machine.Api.aclrtStreamWaitEvent(live, bad));
                Assert.Equal(107017, machine.Api.aclrtSynchronizeEvent(bad));
            }
            Assert.Equal(107017, machine.Api.aclrtDestroyNotify(bad));
        }
    }
}
