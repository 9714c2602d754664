namespace Updraft.Device.Tests;

/// <summary>Every function that takes a plain object, with handles that are not one: destroyed, of another kind, a stream, a stray pointer.</summary>
public sealed unsafe class FamiliesStaleHandleTests
{
    public static TheoryData<string> Functions => [.. CallByName.OfObjects];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Call_WithWhatIsNoSuchObject_Returns107017(string name)
    {
        using var machine = new TestMachine();
        void* destroyed = machine.Api.aclCreateDataBuffer(null, 0);
        machine.Ok(machine.Api.aclDestroyDataBuffer(destroyed));
        nint otherKind = DataObjects.Create(new object());
        foreach (nint handle in new[] { (nint)destroyed, otherKind, machine.Stream(), (nint)machine.Device(64), 0x7EADBEEF, -1, 1 })
        {
            machine.Returns(107017, (int)CallByName.Call(machine.Api, name, handle)!, $"{name}(0x{handle:x})");
            Assert.Equal(107017, machine.Api.aclrtGetLastError(0));
        }
    }

    [Theory]
    [InlineData("aclrtDestroyGroupInfo"), InlineData("aclrtGetAllGroupInfo"), InlineData("aclrtGetGroupInfoDetail")]
    public void GroupCall_WithWhatIsNoSuchObject_Returns107017(string name)
    {
        using var machine = new TestMachine("310p");
        machine.Returns(107017, (int)CallByName.Call(machine.Api, name, DataObjects.Create(new object()))!);
    }
}
