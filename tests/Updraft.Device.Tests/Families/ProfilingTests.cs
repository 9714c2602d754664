using System.Text;

namespace Updraft.Device.Tests;

/// <summary>Chapter 19: the order of calls, configurations, and what observers are told.</summary>
public sealed unsafe class FamiliesProfilingTests
{
    private static readonly byte[] s_path = Encoding.UTF8.GetBytes("results\0");

    private sealed class Recorder : Observer
    {
        private readonly List<string> _lines = [];

        internal string[] Lines
        {
            get
            {
                lock (_lines)
                {
                    return [.. _lines];
                }
            }
        }

        internal override void Mark(string text, Stream? stream) => Add($"mark {text}", stream);
        internal override void RangePush(uint range, string text, Stream? stream) => Add($"push {range} {text}", stream);
        internal override void RangePop(uint range, Stream? stream) => Add($"pop {range}", stream);

        private void Add(string line, Stream? stream)
        {
            lock (_lines)
            {
                _lines.Add(stream == null ? line : $"{line} on {stream.Id}");
            }
        }
    }

    private static int Init(AclApi api)
    {
        fixed (byte* path = s_path)
        {
            return api.aclprofInit(path, 7);
        }
    }

    private static void* Config(AclApi api, params uint[] devices)
    {
        fixed (uint* ids = devices)
        {
            return api.aclprofCreateConfig(ids, (uint)devices.Length, aclprofAicoreMetrics.ACL_AICORE_PIPE_UTILIZATION, null, AclConstants.ACL_PROF_ACL_API | AclConstants.ACL_PROF_TASK_TIME);
        }
    }

    private static void* Stamp(TestMachine machine, string text)
    {
        void* stamp = machine.Api.aclprofCreateStamp();
        fixed (byte* bytes = Encoding.UTF8.GetBytes(text + "\0"))
        {
            machine.Ok(machine.Api.aclprofSetStampTraceMessage(stamp, bytes, (uint)text.Length));
        }
        return stamp;
    }

    /// <summary>errors.md 1.1: 100042 a collection runs already, 100043 aclprofInit was not called.</summary>
    [Fact]
    public void Collection_OrderOfCalls_IsChecked()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        void* config = Config(api, 0, 1), overlapping = Config(api, 1);
        machine.Returns(100043, api.aclprofFinalize());
        machine.Returns(100043, api.aclprofStart(config));
        machine.Returns(100043, api.aclprofStop(config));
        machine.Ok(Init(api));
        machine.Returns(100042, Init(api));
        machine.Returns(100043, api.aclprofStop(config));
        machine.Ok(api.aclprofStart(config));
        machine.Returns(100042, api.aclprofStart(config));
        machine.Returns(100042, api.aclprofStart(overlapping));
        machine.Returns(100010, api.aclprofStop(overlapping));
        machine.Ok(api.aclprofStop(config));
        machine.Returns(100043, api.aclprofStop(config));
        machine.Ok(api.aclprofStart(overlapping)); // left running: the end of profiling ends it
        machine.Ok(api.aclprofFinalize());
        machine.Returns(100043, api.aclprofFinalize());
        machine.Returns(100043, api.aclprofStop(overlapping));
        machine.Ok(Init(api));
        machine.Ok(api.aclprofStart(overlapping));
        machine.Ok(api.aclprofFinalize());
        machine.Ok(api.aclprofDestroyConfig(config));
        machine.Returns(107017, api.aclprofDestroyConfig(config));
        machine.Returns(107017, api.aclprofStart(config));
    }

    [Fact]
    public void TwoCollections_OnDifferentDevices_RunTogether()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        var recorder = new Recorder();
        Machine.Observer = recorder;
        void* first = Config(api, 0), second = Config(api, 1);
        machine.Ok(Init(api));
        machine.Ok(api.aclprofStart(first));
        machine.Ok(api.aclprofStart(second));
        machine.Ok(api.aclprofStop(first));
        machine.Ok(api.aclprofFinalize());
        Assert.Equal(["push 1 profiling", "push 2 profiling", "pop 1", "pop 2"], recorder.Lines);
    }

    [Fact]
    public void Config_WithWrongArguments_IsNull()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        uint id = 0;
        Assert.True(Config(api, 2) == null);
        Assert.True(Config(api, 0, 0) == null);
        Assert.True(Config(api, 0, 1, 1) == null);
        Assert.True(api.aclprofCreateConfig(null, 1, aclprofAicoreMetrics.ACL_AICORE_NONE, null, 0) == null);
        Assert.True(api.aclprofCreateConfig(&id, 1, (aclprofAicoreMetrics)9, null, 0) == null);
        Assert.True(api.aclprofCreateConfig(null, 0, aclprofAicoreMetrics.ACL_AICORE_NONE, null, 0) != null);
        void* subscription = api.aclprofCreateSubscribeConfig(1, aclprofAicoreMetrics.ACL_AICORE_NONE, &id);
        Assert.True(subscription != null);
        machine.Ok(api.aclprofDestroySubscribeConfig(subscription));
        machine.Returns(107017, api.aclprofDestroySubscribeConfig(subscription));
    }

    [Theory]
    [InlineData(0, 3, 100000), InlineData(1, 3, 0), InlineData(2, 3, 100000), InlineData(16, 3, 0), InlineData(17, 3, 100000), InlineData(1, 0, 100000), InlineData(1, 5000, 100000)]
    public void SetConfig_Checks(int type, int length, int expected)
    {
        using var machine = new TestMachine();
        fixed (byte* text = "200\0"u8)
        {
            machine.Returns(expected, machine.Api.aclprofSetConfig((aclprofConfigType)type, text, (nuint)length));
        }
    }

    [Theory]
    [InlineData(0), InlineData(4097)]
    public void Init_WithImpossibleLength_Returns100000(int length)
    {
        using var machine = new TestMachine();
        fixed (byte* path = s_path)
        {
            machine.Returns(100000, machine.Api.aclprofInit(path, (nuint)length));
        }
        machine.Ok(Init(machine.Api));
    }

    [Fact]
    public void Stamps_MarksAndRanges_ReachTheObserver()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        var recorder = new Recorder();
        Machine.Observer = recorder;
        void* outer = Stamp(machine, "outer"), inner = Stamp(machine, "inner");
        uint one, two;
        machine.Ok(api.aclprofPush(outer));
        machine.Ok(api.aclprofPush(inner));
        machine.Ok(api.aclprofMark(inner));
        machine.Ok(api.aclprofPop());
        machine.Ok(api.aclprofPop());
        machine.Returns(100000, api.aclprofPop());
        machine.Ok(api.aclprofRangeStart(outer, &one));
        machine.Ok(api.aclprofRangeStart(inner, &two));
        machine.Ok(api.aclprofRangeStop(one));
        machine.Ok(api.aclprofRangeStop(two));
        machine.Returns(100000, api.aclprofRangeStop(two));
        api.aclprofDestroyStamp(inner);
        machine.Returns(107017, api.aclprofMark(inner));
        machine.Returns(107017, api.aclprofPush(inner));
        Assert.Equal(["push 1 outer", "push 2 inner", "mark inner", "pop 2", "pop 1", $"push {one} outer", $"push {two} inner", $"pop {one}", $"pop {two}"], recorder.Lines);
    }

    [Fact]
    public void Push_OfAnotherThread_IsNotPopped()
    {
        using var machine = new TestMachine();
        machine.Ok(machine.Api.aclprofPush(Stamp(machine, "mine")));
        int code = 0;
        var thread = new Thread(() => code = AclApi.InProcess.aclprofPop());
        thread.Start();
        thread.Join();
        Assert.Equal(100000, code);
        machine.Ok(machine.Api.aclprofPop());
    }

    [Fact]
    public void StampText_IsCutAtItsLengthOrItsEnd()
    {
        using var machine = new TestMachine();
        var recorder = new Recorder();
        Machine.Observer = recorder;
        void* stamp = machine.Api.aclprofCreateStamp();
        machine.Ok(machine.Api.aclprofMark(stamp));
        fixed (byte* text = "abcdef\0junk"u8)
        {
            machine.Ok(machine.Api.aclprofSetStampTraceMessage(stamp, text, 3));
            machine.Ok(machine.Api.aclprofMark(stamp));
            machine.Ok(machine.Api.aclprofSetStampTraceMessage(stamp, text, 11));
            machine.Ok(machine.Api.aclprofMark(stamp));
        }
        Assert.Equal(["mark ", "mark abc", "mark abcdef"], recorder.Lines);
    }

    [Fact]
    public void RangePushEx_NamesTheOperator()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        var recorder = new Recorder();
        Machine.Observer = recorder;
        ulong id;
        fixed (byte* name = "MatMul_7\0"u8)
        {
            id = api.aclprofStr2Id(name);
            Assert.Equal(id, api.aclprofStr2Id(name));
        }
        Assert.NotEqual(0ul, id);
        var info = new aclprofTensorInfo { opNameId = id };
        var attributes = new aclprofEventAttributes { version = 1, size = 16, messageType = 0 };
        machine.Returns(100000, api.aclprofRangePushEx(&attributes));
        attributes.message.tensorInfo = &info;
        machine.Ok(api.aclprofRangePushEx(&attributes));
        info.opNameId = 77;
        machine.Ok(api.aclprofRangePushEx(&attributes));
        machine.Returns(100000, api.aclprofPop()); // the other pair of calls
        machine.Ok(api.aclprofRangePop());
        machine.Ok(api.aclprofRangePop());
        machine.Returns(100000, api.aclprofRangePop());
        Assert.Equal(["push 1 MatMul_7", "push 2 operator 77", "pop 2", "pop 1"], recorder.Lines);
        attributes.version = 2;
        machine.Returns(100000, api.aclprofRangePushEx(&attributes));
        (attributes.version, attributes.size) = (1, 8);
        machine.Returns(100000, api.aclprofRangePushEx(&attributes));
        (attributes.size, attributes.messageType) = (16, 1);
        machine.Returns(100000, api.aclprofRangePushEx(&attributes));
    }

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:3")]
    public void MarkEx_StepAndTrace_HappenWhenTheStreamComesBy(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        var recorder = new Recorder();
        nint stream = machine.Stream();
        int id;
        machine.Ok(api.aclrtStreamGetId(stream, &id));
        void* step = api.aclprofCreateStepInfo();
        using Gate gate = machine.Hold(stream);
        Machine.Observer = recorder;
        machine.Returns(100000, api.aclprofGetStepTimestamp(step, aclprofStepTag.ACL_STEP_END, stream));
        machine.Ok(api.aclprofGetStepTimestamp(step, aclprofStepTag.ACL_STEP_START, stream));
        machine.Returns(100000, api.aclprofGetStepTimestamp(step, aclprofStepTag.ACL_STEP_START, stream));
        machine.Returns(100000, api.aclprofGetStepTimestamp(step, (aclprofStepTag)2, stream));
        fixed (byte* text = "loss\0"u8)
        {
            machine.Ok(api.aclprofMarkEx(text, 4, stream));
            machine.Returns(100000, api.aclprofMarkEx(text, 0, stream));
            machine.Ok(api.aclrtProfTrace(text, 5, stream));
            machine.Returns(100000, api.aclrtProfTrace(text, 0, stream));
            machine.Returns(100000, api.aclrtProfTrace(text, -1, stream));
        }
        machine.Ok(api.aclprofGetStepTimestamp(step, aclprofStepTag.ACL_STEP_END, stream));
        Assert.Empty(recorder.Lines);
        gate.Open();
        machine.Ok(api.aclrtSynchronizeStream(stream));
        Assert.Equal([$"push 1 step 1 on {id}", $"mark loss on {id}", $"mark 0x6c6f737300 on {id}", $"pop 1 on {id}"], recorder.Lines);
        api.aclprofDestroyStepInfo(step);
        machine.Returns(107017, api.aclprofGetStepTimestamp(step, aclprofStepTag.ACL_STEP_START, stream));
    }

    /// <summary>A mark is a command like any other: recorded with the graph, and reached at every execution of it.</summary>
    [Fact]
    public void MarkEx_Captured_IsReachedAtEveryExecution()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        var recorder = new Recorder();
        Machine.Observer = recorder;
        nint stream = machine.Stream(), model;
        machine.Ok(api.aclmdlRICaptureBegin(stream, aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_GLOBAL));
        fixed (byte* text = "layer\0"u8)
        {
            machine.Ok(api.aclprofMarkEx(text, 5, stream));
        }
        machine.Ok(api.aclmdlRICaptureEnd(stream, &model));
        Assert.Empty(recorder.Lines);
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        machine.Ok(api.aclrtSynchronizeStream(stream));
        Assert.Equal(2, recorder.Lines.Count(line => line.StartsWith("mark layer on ", StringComparison.Ordinal)));
    }

    [Fact]
    public void MarkEx_OnAStreamOfAnotherContext_Returns107003()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtSetDevice(1));
        fixed (byte* text = "x\0"u8)
        {
            machine.Returns(107003, machine.Api.aclprofMarkEx(text, 1, stream));
        }
    }

    /// <summary>No observer, no initialisation: a program that marks its regions runs as if it did not.</summary>
    [Fact]
    public void Marks_WithNobodyListening_Succeed()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        uint range;
        void* stamp = Stamp(machine, "quiet");
        machine.Ok(api.aclprofMark(stamp));
        machine.Ok(api.aclprofPush(stamp));
        machine.Ok(api.aclprofPop());
        machine.Ok(api.aclprofRangeStart(stamp, &range));
        machine.Ok(api.aclprofRangeStop(range));
        machine.Ok(api.aclprofMarkEx(&*(byte*)&range, 4, 0));
        machine.Ok(api.aclrtSynchronizeStream(0));
    }
}
