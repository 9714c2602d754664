using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Synchronous functions while the device aborts its tasks: memcpy.md 2 row 8, and the same check of sections 9 and 10.</summary>
public sealed unsafe class CopyAbortTests
{
    [Theory, InlineData("aclrtMemcpy"), InlineData("aclrtMemset"), InlineData("aclrtMemsetD32"), InlineData("aclrtMemcpy2d")]
    public void SynchronousFunction_WhileTheDeviceAborts_Returns107022(string name)
    {
        using var bench = new CopyBench("910b", nameof(SynchronousFunction_WhileTheDeviceAborts_Returns107022));
        Func<int> call = name switch
        {
            "aclrtMemcpy" => () => bench.Api.aclrtMemcpy(bench.Dev, 64, bench.Pin, 64, H2D),
            "aclrtMemset" => () => bench.Api.aclrtMemset(bench.Dev, 64, 1, 64),
            "aclrtMemsetD32" => () => bench.Api.aclrtMemsetD32(bench.Dev, 64, 1, 16),
            _ => () => bench.Api.aclrtMemcpy2d(bench.Dev, 64, bench.Pin, 64, 8, 2, H2D),
        };
        Assert.True(HandleTable.TryGet(bench.Stream, out Stream? stream));
        // A command that runs for as long as the test wants keeps the abort from completing.
        using var task = new HeldTask();
        stream.Submit(new Command { Kind = CommandKind.Task }, task);
        task.WaitUntilEntered();
        int aborted = -1;
        var aborter = new Thread(() => aborted = bench.Api.aclrtDeviceTaskAbort(0, 0));
        aborter.Start();
        SpinWait.SpinUntil(() => Machine.Devices[0].IsAborting);
        int code = call(), last = (int)bench.Api.aclrtPeekAtLastError(0);
        task.Open();
        aborter.Join();
        Assert.Equal(107022, last);
        bench.Machine.Returns(107022, code);
        bench.Ok(aborted);
        bench.NothingChanged();
        bench.Ok(call());
    }
}
