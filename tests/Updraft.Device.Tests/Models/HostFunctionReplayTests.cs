using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>Host functions inside captured graphs, replayed until a lost wake-up would have shown itself.</summary>
public sealed unsafe class HostFunctionReplayTests
{
    private static int s_runs;

    [Theory]
    [InlineData("threads", 3000), InlineData("eager", 300), InlineData("late", 300), InlineData("random:3", 300)]
    public void CapturedHostFunctions_Replayed_RunEachTime(string schedule, int rounds)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), graph;
        byte* host = machine.Pinned(64, 1), device = machine.Device(64), back = machine.Pinned(64);
        s_runs = 0;
        machine.Ok(api.aclmdlRICaptureBegin(stream, aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL));
        machine.Ok(api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
        machine.Ok(api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count, null));
        machine.Ok(api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count, null));
        machine.Ok(api.aclrtMemcpyAsync(back, 64, device, 64, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, stream));
        machine.Ok(api.aclmdlRICaptureEnd(stream, &graph));
        for (int round = 1; round <= rounds; round++)
        {
            new Span<byte>(host, 64).Fill((byte)round);
            machine.Ok(api.aclmdlRIExecuteAsync(graph, stream));
            if (round % 3 == 0)
            {
                machine.Ok(api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count, null));
            }
            int code = round % 2 == 0 ? api.aclrtSynchronizeStream(stream) : api.aclrtSynchronizeStreamWithTimeout(stream, 20000);
            machine.Ok(code);
            Assert.Equal((byte)round, back[63]);
        }
        Assert.Equal(rounds * 2 + rounds / 3, Volatile.Read(ref s_runs));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Count(void* argument) => Interlocked.Increment(ref s_runs);
}
