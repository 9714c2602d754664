using static Updraft.Device.Tests.Models.ModelMachine;

namespace Updraft.Device.Tests.Models;

/// <summary>Models built from bound streams: every row of streams_events_models.md 5, and what an execution does.</summary>
public sealed unsafe class BuildTests
{
    [Theory]
    [InlineData("910b", "threads"), InlineData("910c", "eager"), InlineData("950", "late"), InlineData("310b", "random:3"), InlineData("310p", "threads")]
    public void Execute_RecordedCopies_RunEachTimeWithTheBytesOfThatTime(string soc, string schedule)
    {
        using var machine = new TestMachine(soc, schedule);
        nint model = machine.Model(), stream = machine.Bound(model);
        byte* source = machine.Pinned(64, 1), device = machine.Device(64), result = machine.Pinned(64);
        machine.Copy(device, source, 64, H2D, stream);
        machine.Copy(result, device, 64, D2H, stream);
        machine.Complete(model, stream);
        Assert.Equal(0, result[0]);
        for (byte round = 1; round <= 5; round++)
        {
            new Span<byte>(source, 64).Fill(round);
            machine.Ok(machine.Api.aclmdlRIExecute(model, -1));
            Assert.All(new Span<byte>(result, 64).ToArray(), value => Assert.Equal(round, value));
        }
        machine.Ok(machine.Api.aclmdlRIUnbindStream(model, stream));
        machine.Ok(machine.Api.aclmdlRIDestroy(model));
        machine.Ok(machine.Api.aclrtDestroyStream(stream));
    }
}
