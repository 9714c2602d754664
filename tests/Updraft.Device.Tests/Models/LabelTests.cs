using static Updraft.Device.Tests.Models.ModelMachine;

namespace Updraft.Device.Tests.Models;

/// <summary>Labels, switches and activated streams inside models; conditional tasks of captured graphs.</summary>
public sealed unsafe class LabelTests
{
    public static TheoryData<string> Chips => ["310b", "910b", "910c", "950"];

    [Theory, MemberData(nameof(Chips))]
    public void Labels_Checks(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint label, list, stream = machine.Stream(), bound = machine.Bound(machine.Model()), context;
        machine.Returns(100000, api.aclrtCreateLabel(null));
        machine.Returns(107002, BuildTests.OnFreshThread(() => { nint none; return api.aclrtCreateLabel(&none); }));
        machine.Ok(api.aclrtCreateLabel(&label));
        machine.Returns(100000, api.aclrtSetLabel(0, bound));
        machine.Returns(107017, api.aclrtSetLabel(bound, bound));
        machine.Returns(107005, api.aclrtSetLabel(label, stream));
        machine.Ok(api.aclrtCreateContext(&context, 0));
        nint foreign;
        machine.Ok(api.aclrtCreateLabel(&foreign));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(507031, api.aclrtSetLabel(foreign, bound));
        machine.Ok(api.aclrtSetLabel(label, bound));
        machine.Returns(107000, api.aclrtSetLabel(label, bound));
        machine.Returns(100000, api.aclrtCreateLabelList(null, 1, &list));
        machine.Returns(100000, api.aclrtCreateLabelList(&label, 1, null));
        machine.Returns(107000, api.aclrtCreateLabelList(&label, 0, &list));
        machine.Ok(api.aclrtCreateLabelList(&label, 1, &list));
        byte* index = machine.Device(64), host = machine.Pinned(64);
        machine.Returns(100000, api.aclrtSwitchLabelByIndex(null, 1, list, bound));
        machine.Returns(100000, api.aclrtSwitchLabelByIndex(index, 1, 0, bound));
        machine.Returns(107000, api.aclrtSwitchLabelByIndex(index, 0, list, bound));
        machine.Returns(107000, api.aclrtSwitchLabelByIndex(index, 2, list, bound));
        machine.Returns(107000, api.aclrtSwitchLabelByIndex(host, 1, list, bound));
        machine.Returns(107005, api.aclrtSwitchLabelByIndex(index, 1, list, stream));
        machine.Ok(api.aclrtDestroyLabelList(list));
        machine.Returns(107017, api.aclrtDestroyLabelList(list));
        machine.Ok(api.aclrtDestroyLabel(label));
        machine.Returns(107017, api.aclrtDestroyLabel(label));
    }

    [Theory]
    [InlineData("310b", 0u, 1), InlineData("910b", 1u, 2), InlineData("910c", 2u, 3), InlineData("950", 99u, 3)]
    public void SwitchLabelByIndex_GoesToTheLabelTheNumberSays(string soc, uint number, byte expected)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), list;
        byte* index = machine.Device(64), device = machine.Device(64), values = machine.Pinned(256);
        nint* labels = stackalloc nint[4];
        for (int each = 0; each < 4; each++)
        {
            machine.Ok(api.aclrtCreateLabel(labels + each));
            new Span<byte>(values + each * 64, 64).Fill((byte)(each + 1));
        }
        machine.Ok(api.aclrtCreateLabelList(labels, 3, &list));
        machine.Ok(api.aclrtSwitchLabelByIndex(index, 3, list, stream));
        nint toEnd;
        machine.Ok(api.aclrtCreateLabelList(labels + 3, 1, &toEnd));
        for (int each = 0; each < 3; each++)
        {
            machine.Ok(api.aclrtSetLabel(labels[each], stream));
            machine.Copy(device, values + each * 64, 64, H2D, stream);
            machine.Ok(api.aclrtSwitchLabelByIndex(index, 1, toEnd, stream));
        }
        machine.Ok(api.aclrtSetLabel(labels[3], stream));
        machine.Complete(model, stream);
        for (int round = 0; round < 3; round++)
        {
            machine.Write(index, BitConverter.GetBytes(number));
            machine.Write(device, new byte[64]);
            machine.Ok(api.aclmdlRIExecute(model, -1));
            Assert.Equal(expected, machine.Read(device, 1)[0]);
        }
    }

    [Fact]
    public void SwitchLabelByIndex_BackwardJump_IsALoop()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), list;
        byte* left = machine.Device(64), minusOne = machine.Device(64), counter = machine.Device(64), one = machine.Device(64);
        machine.Write(minusOne, BitConverter.GetBytes(-1));
        machine.Write(one, BitConverter.GetBytes(1));
        nint* labels = stackalloc nint[2];
        machine.Ok(api.aclrtCreateLabel(labels));
        machine.Ok(api.aclrtCreateLabel(labels + 1));
        // 0: leave the loop, 1 or more: once more.
        nint* order = stackalloc nint[2];
        (order[0], order[1]) = (labels[1], labels[0]);
        machine.Ok(api.aclrtCreateLabelList(order, 2, &list));
        machine.Ok(api.aclrtSetLabel(labels[0], stream));
        machine.Ok(api.aclrtReduceAsync(counter, one, 4, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT32, stream, null));
        machine.Ok(api.aclrtReduceAsync(left, minusOne, 4, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT32, stream, null));
        machine.Ok(api.aclrtSwitchLabelByIndex(left, 2, list, stream));
        machine.Ok(api.aclrtSetLabel(labels[1], stream));
        machine.Complete(model, stream);
        for (int times = 1; times < 5; times++)
        {
            machine.Write(left, BitConverter.GetBytes(times));
            machine.Write(counter, BitConverter.GetBytes(0));
            machine.Ok(api.aclmdlRIExecute(model, -1));
            Assert.Equal(times, BitConverter.ToInt32(machine.Read(counter, 4)));
        }
    }

    [Fact]
    public void SwitchLabelByIndex_LabelInAnotherStream_GoesOnThere()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint model = machine.Model(), head = machine.Bound(model), other = machine.Bound(model, Other), label, list;
        byte* number = machine.Device(64), device = machine.Device(64), host = machine.Pinned(128, 1);
        new Span<byte>(host + 64, 64).Fill(2);
        machine.Write(number, new byte[4]);
        machine.Copy(device, host, 64, H2D, other);
        machine.Ok(api.aclrtCreateLabel(&label));
        machine.Ok(api.aclrtSetLabel(label, other));
        machine.Copy(device + 32, host + 64, 32, H2D, other);
        machine.Ok(api.aclmdlRIEndTask(model, other));
        machine.Ok(api.aclrtCreateLabelList(&label, 1, &list));
        machine.Ok(api.aclrtSwitchLabelByIndex(number, 1, list, head));
        machine.Ok(api.aclmdlRIBuildEnd(model, null));
        machine.Write(device, new byte[64]);
        machine.Ok(api.aclmdlRIExecute(model, -1));
        byte[] found = machine.Read(device, 64);
        Assert.Equal((0, 2), (found[0], found[63]));
    }

    [Theory, InlineData("310b"), InlineData("910b"), InlineData("950")]
    public void ActiveStream_StartsTheOtherStream(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), head = machine.Bound(model), other = machine.Bound(model, Other), loose = machine.PersistentStream();
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Returns(100000, api.aclrtActiveStream(0, head));
        machine.Returns(107017, api.aclrtActiveStream(model, head));
        machine.Returns(107005, api.aclrtActiveStream(loose, head));
        machine.Returns(107005, api.aclrtActiveStream(other, loose));
        machine.Copy(device, host, 64, H2D, other);
        machine.Ok(api.aclmdlRIEndTask(model, other));
        machine.Ok(api.aclrtActiveStream(other, head));
        machine.Ok(api.aclmdlRIBuildEnd(model, null));
        for (byte round = 1; round < 10; round++)
        {
            new Span<byte>(host, 64).Fill(round);
            machine.Ok(api.aclmdlRIExecute(model, -1));
            Assert.Equal(round, machine.Read(device, 1)[0]);
        }
    }

    [Fact]
    public void StreamsNotNamedByThe910c_AreRefused()
    {
        using var machine = new TestMachine("910c");
        nint model = machine.Model(), head = machine.Bound(model);
        machine.Returns(207000, machine.Api.aclrtActiveStream(head, head));
    }

    [Theory]
    [InlineData(aclrtCondition.ACL_RT_EQUAL, -1, -1, true), InlineData(aclrtCondition.ACL_RT_EQUAL, 1, 2, false), InlineData(aclrtCondition.ACL_RT_NOT_EQUAL, 1, 2, true)]
    [InlineData(aclrtCondition.ACL_RT_GREATER, 1, -2, true), InlineData(aclrtCondition.ACL_RT_GREATER, 1, 1, false), InlineData(aclrtCondition.ACL_RT_GREATER_OR_EQUAL, 1, 1, true)]
    [InlineData(aclrtCondition.ACL_RT_LESS, -5, 3, true), InlineData(aclrtCondition.ACL_RT_LESS, 3, 3, false), InlineData(aclrtCondition.ACL_RT_LESS_OR_EQUAL, 3, 3, true)]
    public void SwitchStream_ComparesAndStarts(aclrtCondition condition, int left, int right, bool holds)
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        foreach (aclrtCompareDataType type in (aclrtCompareDataType[])[aclrtCompareDataType.ACL_RT_SWITCH_INT32, aclrtCompareDataType.ACL_RT_SWITCH_INT64])
        {
            nint model = machine.Model(), head = machine.Bound(model), target = machine.Bound(model, Other);
            byte* device = machine.Device(64), numbers = machine.Device(64), host = machine.Pinned(128, 1);
            new Span<byte>(host + 64, 64).Fill(2);
            machine.Write(device, new byte[64]);
            bool is64 = type == aclrtCompareDataType.ACL_RT_SWITCH_INT64;
            machine.Write(numbers, is64 ? BitConverter.GetBytes((long)left) : BitConverter.GetBytes(left));
            machine.Write(numbers + 8, is64 ? BitConverter.GetBytes((long)right) : BitConverter.GetBytes(right));
            machine.Returns(100000, api.aclrtSwitchStream(null, condition, numbers, type, target, 0, head));
            machine.Returns(100000, api.aclrtSwitchStream(numbers, condition, numbers, type, 0, 0, head));
            machine.Returns(100000, api.aclrtSwitchStream(numbers, condition, numbers, type, target, target, head));
            machine.Returns(107000, api.aclrtSwitchStream(numbers, (aclrtCondition)6, numbers, type, target, 0, head));
            machine.Returns(107000, api.aclrtSwitchStream(numbers, condition, numbers, (aclrtCompareDataType)2, target, 0, head));
            machine.Ok(api.aclrtSwitchStream(numbers, condition, numbers + 8, type, target, 0, head));
            machine.Copy(device, host, 64, H2D, head);
            machine.Ok(api.aclmdlRIEndTask(model, head));
            machine.Copy(device, host + 64, 64, H2D, target);
            machine.Ok(api.aclmdlRIEndTask(model, target));
            machine.Ok(api.aclmdlRIBuildEnd(model, null));
            machine.Ok(api.aclmdlRIExecute(model, -1));
            Assert.Equal(holds ? 2 : 1, machine.Read(device, 1)[0]);
        }
    }

    // --- Conditional tasks -----------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("910b", 0, 1u, 1), InlineData("910c", 0, 0u, 2), InlineData("950", 0, 7u, 1)]
    [InlineData("910b", 2, 0u, 1), InlineData("910b", 2, 1u, 2), InlineData("910b", 2, 5u, 0)]
    public void IfAndSwitch_RunTheBodyTheNumberSays(string soc, int type, uint value, int expected)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), inner = machine.Stream(), model, handle;
        byte* device = machine.Device(64), host = machine.Pinned(128, 1);
        new Span<byte>(host + 64, 64).Fill(2);
        machine.Begin(stream, 2);
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, null, &model));
        machine.Ok(api.aclmdlRICondHandleCreate(model, value, aclmdlRICondHandleFlag.ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT, &handle));
        nint* bodies = stackalloc nint[2];
        var parameters = new aclmdlRICondTaskParams { handle = handle, type = (aclmdlRICondTaskType)type, size = 2, modelRIArray = bodies };
        machine.Ok(api.aclmdlRIAddCondTask(parameters, stream, 0));
        for (int body = 0; body < 2; body++)
        {
            machine.Ok(api.aclmdlRICaptureToModelRIBegin(inner, bodies[body], (aclmdlRICaptureMode)2));
            machine.Copy(device, host + body * 64, 64, H2D, inner);
            machine.Ok(api.aclmdlRICaptureEnd(inner, null));
        }
        Assert.Equal(model, machine.End(stream));
        for (int round = 0; round < 3; round++)
        {
            machine.Write(device, new byte[64]);
            machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
            machine.Sync(stream);
            Assert.Equal(expected, machine.Read(device, 1)[0]);
        }
        machine.Returns(207000, api.aclmdlRIDestroy(bodies[0]));
        machine.Returns(207000, api.aclmdlRIExecuteAsync(bodies[0], stream));
        machine.Ok(api.aclmdlRIDestroy(model));
        machine.Returns(107017, api.aclmdlRIDestroy(bodies[0]));
        ulong* pointer;
        machine.Returns(107017, api.aclmdlRICondHandleGetCondPtr(handle, &pointer));
    }

    [Theory, InlineData("threads"), InlineData("random:4"), InlineData("late")]
    public void While_RunsUntilTheGraphWritesZero(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), inner = machine.Stream(), model, handle, body;
        byte* counter = machine.Device(64), steps = machine.Device(64), result = machine.Pinned(64);
        machine.Write(steps, [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        ulong* condition;
        machine.Begin(stream, 2);
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, null, &model));
        machine.Ok(api.aclmdlRICondHandleCreate(model, 3, aclmdlRICondHandleFlag.ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT, &handle));
        machine.Ok(api.aclmdlRICondHandleGetCondPtr(handle, &condition));
        machine.Ok(api.aclrtMemsetAsync(counter, 64, 0, 64, stream));
        var parameters = new aclmdlRICondTaskParams { handle = handle, type = aclmdlRICondTaskType.ACL_MODEL_RI_COND_TYPE_WHILE, size = 1, modelRIArray = &body };
        machine.Ok(api.aclmdlRIAddCondTask(parameters, stream, 0));
        machine.Copy(result, counter, 64, D2H, stream);
        machine.Ok(api.aclmdlRICaptureToModelRIBegin(inner, body, (aclmdlRICaptureMode)2));
        machine.Ok(api.aclrtReduceAsync(counter, steps, 4, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT32, inner, null));
        machine.Ok(api.aclrtReduceAsync(condition, steps + 4, 4, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT32, inner, null));
        machine.Ok(api.aclmdlRICaptureEnd(inner, null));
        machine.End(stream);
        for (int round = 0; round < 3; round++)
        {
            machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
            machine.Sync(stream);
            Assert.Equal(3, *(int*)result);
        }
    }

    [Fact]
    public void End_WhileABodyIsBeingCaptured_107045AndTheGraphIsGone()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream(), inner = machine.Stream(), model, handle, body, none = 1;
        machine.Begin(stream, 2);
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, null, &model));
        machine.Ok(api.aclmdlRICondHandleCreate(model, 1, 0, &handle));
        var parameters = new aclmdlRICondTaskParams { handle = handle, size = 1, modelRIArray = &body };
        machine.Ok(api.aclmdlRIAddCondTask(parameters, stream, 0));
        machine.Ok(api.aclmdlRICaptureToModelRIBegin(inner, body, (aclmdlRICaptureMode)2));
        machine.Returns(107045, api.aclmdlRICaptureEnd(stream, &none));
        Assert.Equal(0, none);
        machine.Returns(107029, api.aclmdlRICaptureEnd(stream, &none));
        machine.Returns(107017, api.aclmdlRIDestroy(model));
        // The body went with its model; its stream records no more.
        machine.Returns(107029, api.aclmdlRICaptureEnd(inner, null));
        machine.Sync(inner);
    }

    [Fact]
    public void Conditions_Checks()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream(), handle, body, model = machine.Model();
        machine.Returns(100000, api.aclmdlRICondHandleCreate(0, 0, 0, &handle));
        machine.Returns(100000, api.aclmdlRICondHandleCreate(model, 0, 0, null));
        machine.Returns(107000, api.aclmdlRICondHandleCreate(model, 0, (aclmdlRICondHandleFlag)2, &handle));
        machine.Ok(api.aclmdlRICondHandleCreate(model, 5, 0, &handle));
        ulong* pointer;
        machine.Returns(100000, api.aclmdlRICondHandleGetCondPtr(0, &pointer));
        machine.Returns(100000, api.aclmdlRICondHandleGetCondPtr(handle, null));
        machine.Ok(api.aclmdlRICondHandleGetCondPtr(handle, &pointer));
        Assert.Equal(5ul, BitConverter.ToUInt64(machine.Read(pointer, 8)));
        var parameters = new aclmdlRICondTaskParams { handle = handle, size = 1, modelRIArray = &body };
        machine.Returns(107000, api.aclmdlRIAddCondTask(parameters, stream, 1));
        machine.Returns(107029, api.aclmdlRIAddCondTask(parameters, stream, 0));
        machine.Begin(stream);
        machine.Returns(107000, api.aclmdlRIAddCondTask(parameters, stream, 0)); // the handle belongs to another model
        parameters.size = 0;
        machine.Returns(107000, api.aclmdlRIAddCondTask(parameters, stream, 0));
        parameters.modelRIArray = null;
        machine.Returns(100000, api.aclmdlRIAddCondTask(parameters, stream, 0));
    }
}
