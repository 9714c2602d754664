using System.Text.RegularExpressions;
using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Sections 2, 3 and 6 of the facts about errors: initialisation, last error, messages.</summary>
public sealed unsafe partial class ErrorRowsTests
{
    private static readonly RowTable s_rows = new()
    {
        { "2 second aclInit before finalize 100002, but it counts", m =>
            {
                ulong left;
                m.Ok(m.Api.aclInit(null));
                m.Returns(100002, m.Api.aclInit(null));
                m.Ok(m.Api.aclFinalizeReference(&left));
                Assert.Equal(1ul, left);
                m.Ok(m.Api.aclFinalizeReference(&left));
                Assert.Equal(0ul, left);
                m.Returns(100037, m.Api.aclFinalizeReference(&left));
            }
        },
        { "2 aclInit after finalize with another configuration 100000", m =>
            {
                m.Ok(Init(m, """{"err_msg_mode": "0"}"""));
                m.Ok(m.Api.aclFinalize());
                m.Returns(100000, Init(m, """{ "err_msg_mode": "0"}"""));
                m.Ok(Init(m, """{"err_msg_mode": "0"}"""));
            }
        },
        { "2 err_msg_mode not exactly the string 0 or 1: 100000", m =>
            {
                foreach (string value in (string[])["0", "1", "\"2\"", "\"\"", "true", "null", "\"01\""])
                {
                    m.Returns(100000, Init(m, $$"""{"err_msg_mode": {{value}}}"""));
                }
            }
        },
        { "2 file missing 100003, unparsable 100006", m =>
            {
                fixed (byte* missing = "/nowhere/acl.json\0"u8)
                {
                    m.Returns(100003, m.Api.aclInit(missing));
                }
                m.Returns(100006, Init(m, "{"));
                m.Returns(100006, Init(m, "[]"));
            }
        },
        { "2 aclFinalize without aclInit succeeds the first time, again 100037", m =>
            {
                m.Ok(m.Api.aclFinalize());
                m.Returns(100037, m.Api.aclFinalize());
            }
        },
        { "2 aclFinalizeReference without aclInit 100037; the out pointer may be NULL", m =>
            {
                m.Returns(100037, m.Api.aclFinalizeReference(null));
                m.Ok(m.Api.aclInit(null));
                m.Ok(m.Api.aclFinalizeReference(null));
            }
        },
        { "2 aclFinalize after several aclInit finalizes at once and clears the counter", m =>
            {
                m.Ok(m.Api.aclInit(null));
                m.Returns(100002, m.Api.aclInit(null));
                m.Ok(m.Api.aclFinalize());
                m.Returns(100037, m.Api.aclFinalizeReference(null));
                m.Ok(m.Api.aclInit(null));
            }
        },
        { "2 any stream function without aclInit works", m => _ = m.Stream() },
        { "02 callbacks of aclInit and aclFinalize: configuration, order, once per pair, unregistered", m =>
            {
                StateLog.Entries.Clear();
                StateLog.LifecycleResult = 0;
                m.Ok(m.Api.aclInitCallbackRegister(aclRegisterCallbackType.ACL_REG_TYPE_OTHER, StateLog.InitFunction, (void*)1));
                m.Ok(m.Api.aclInitCallbackRegister(aclRegisterCallbackType.ACL_REG_TYPE_OTHER, StateLog.InitFunction, (void*)2));
                m.Ok(m.Api.aclFinalizeCallbackRegister(aclRegisterCallbackType.ACL_REG_TYPE_OTHER, StateLog.FinalizeFunction, (void*)3));
                m.Ok(Init(m, "{}"));
                m.Ok(m.Api.aclFinalize());
                Assert.Equal(["init {} 2 1", "finalize 3"], StateLog.Entries);
                m.Ok(m.Api.aclInitCallbackUnRegister(aclRegisterCallbackType.ACL_REG_TYPE_OTHER, StateLog.InitFunction));
                m.Ok(m.Api.aclFinalizeCallbackUnRegister(aclRegisterCallbackType.ACL_REG_TYPE_OTHER, StateLog.FinalizeFunction));
                m.Ok(m.Api.aclInit(null));
                m.Ok(m.Api.aclFinalize());
                Assert.Equal(2, StateLog.Entries.Count);
            }
        },
        { "02 callbacks: NULL 100000, unknown type 100000, a failure is returned, late registration is told at once", m =>
            {
                StateLog.Entries.Clear();
                StateLog.LifecycleResult = 0;
                m.Returns(100000, m.Api.aclInitCallbackRegister(0, 0, null));
                m.Returns(100000, m.Api.aclFinalizeCallbackRegister(0, 0, null));
                m.Returns(100000, m.Api.aclInitCallbackUnRegister(0, 0));
                m.Returns(100000, m.Api.aclInitCallbackRegister((aclRegisterCallbackType)99, StateLog.InitFunction, null));
                m.Ok(m.Api.aclInit(null));
                m.Ok(m.Api.aclInitCallbackRegister(0, StateLog.InitFunction, null));
                Assert.Equal(["init  0 0"], StateLog.Entries);
                m.Ok(m.Api.aclFinalizeCallbackRegister(0, StateLog.FinalizeFunction, null));
                StateLog.LifecycleResult = 500001;
                m.Returns(500001, m.Api.aclFinalize());
                m.Returns(500001, m.Api.aclInit(null));
                StateLog.LifecycleResult = 0;
            }
        },
        { "3 one slot per thread", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                OnFreshThread(() => Assert.Equal(0, m.LastError()));
                Assert.Equal(107017, m.LastError());
            }
        },
        { "3 Get returns and clears, Peek returns and keeps", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                Assert.Equal(107017, m.Api.aclrtPeekAtLastError(0));
                Assert.Equal(107017, m.Api.aclrtPeekAtLastError(0));
                Assert.Equal(107017, m.Api.aclrtGetLastError(0));
                Assert.Equal(0, m.Api.aclrtGetLastError(0));
                Assert.Equal(0, m.Api.aclrtPeekAtLastError(0));
            }
        },
        { "3 reading the slot adds no message", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                _ = m.Message();
                Assert.Equal(107017, m.LastError());
                Assert.Null(m.Message());
            }
        },
        { "3 a success does not clear it, a later failure overwrites it", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                Assert.Equal(107017, m.Api.aclrtPeekAtLastError(0));
                m.Returns(107000, m.Api.aclrtSynchronizeStreamWithTimeout(0, 0));
                Assert.Equal(107000, m.LastError());
            }
        },
        { "3 ACL codes never touch it", m =>
            {
                m.Returns(100000, m.Api.aclrtCreateStream(null));
                Assert.Equal(0, m.LastError());
            }
        },
        { "3 level not 0: 100000", m =>
            {
                Assert.Equal(100000, m.Api.aclrtGetLastError((aclrtLastErrLevel)1));
                Assert.Equal(100000, m.Api.aclrtPeekAtLastError((aclrtLastErrLevel)1));
            }
        },
        { "3 not stored: aclrtGetDevice and aclrtGetCurrentContext without a context", m => OnFreshThread(() =>
            {
                int device;
                nint context;
                m.Returns(107002, m.Api.aclrtGetDevice(&device));
                m.Returns(107002, m.Api.aclrtGetCurrentContext(&context));
                Assert.Equal(0, m.LastError());
            })
        },
        { "3 not stored: 207000 of a chip's missing function", "310p", m =>
            {
                m.Returns(207000, m.Api.aclrtStreamAbort(0));
                Assert.Equal(0, m.LastError());
            }
        },
        { "3 not stored: 507005, 507023, 207003, 207016, 207017, 507901 of a synchronise", m =>
            {
                foreach (AclError code in (AclError[])[AclError.RtEndOfSequence, AclError.RtModelAbortNormal, AclError.RtAicoreOverFlow, AclError.RtAivecOverFlow, AclError.RtOverFlow, AclError.RtSocketClose])
                {
                    m.Fault(0, code);
                    m.Returns((int)code, m.Api.aclrtSynchronizeStream(0));
                    Assert.Equal(0, m.LastError());
                }
            }
        },
        { "3 asynchronous failures are stored when a call returns them", m =>
            {
                nint stream = m.Stream();
                m.Fault(stream);
                Until(() => Engine(stream).IsIdle);
                Assert.Equal(0, m.LastError());
                m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
                Assert.Equal(507013, m.LastError());
            }
        },
        { "6 NULL when there is nothing; collects and clears", m =>
            {
                Assert.Null(m.Message());
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                Assert.NotNull(m.Message());
                Assert.Null(m.Message());
            }
        },
        { "6 per thread by default", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                OnFreshThread(() => Assert.Null(m.Message()));
                Assert.NotNull(m.Message());
            }
        },
        { "6 err_msg_mode 1: process-wide, with the thread", m =>
            {
                m.Ok(Init(m, """{"err_msg_mode": "1"}"""));
                int thread = 0;
                OnFreshThread(() =>
                {
                    thread = Posix.gettid();
                    m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                });
                Assert.Contains($"[THREAD:{thread}]", m.Message(), StringComparison.Ordinal);
            }
        },
        { "6 headline: pid, time, title, code, text", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                Assert.Matches(Headline(), m.Message());
            }
        },
        { "6 further items: trace-back without the headline if that came first", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                m.Returns(100000, m.Api.aclrtCreateStream(null));
                string[] lines = m.Message()!.TrimEnd('\n').Split('\n');
                Assert.Equal(3, lines.Length);
                Assert.Contains("(EE1001)", lines[0], StringComparison.Ordinal);
                Assert.Equal("TraceBack (most recent call last):", lines[1]);
                Assert.StartsWith("        aclrtCreateStream returned 100000", lines[2], StringComparison.Ordinal);
            }
        },
        { "6 the first item that is not internal is the headline, and is repeated when it was not the first", m =>
            {
                m.Fault(0);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                string[] lines = m.Message()!.TrimEnd('\n').Split('\n');
                Assert.Contains("(EE1001)", lines[0], StringComparison.Ordinal);
                Assert.Equal(4, lines.Length);
                Assert.Contains("507013", lines[2], StringComparison.Ordinal);
                Assert.Contains("107017", lines[3], StringComparison.Ordinal);
            }
        },
        { "6 internal items only: their own layout, the trace-back line always", m =>
            {
                m.Fault(0);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                string[] lines = m.Message()!.TrimEnd('\n').Split('\n');
                Assert.Equal("EE9999: Internal error!", lines[0]);
                Assert.Matches(InternalLine(), lines[1]);
                Assert.Equal("TraceBack (most recent call last):", lines[2]);
                Assert.Equal(3, lines.Length);
                m.Fault(0, AclError.RtSysDma);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                m.Fault(0, AclError.RtTsError);
                m.Returns(507001, m.Api.aclrtSynchronizeStream(0));
                Assert.StartsWith("       aclrt", m.Message()!.TrimEnd('\n').Split('\n')[3], StringComparison.Ordinal);
            }
        },
        { "6 identical items are kept once", m =>
            {
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk));
                Assert.DoesNotContain("TraceBack", m.Message(), StringComparison.Ordinal);
            }
        },
        { "6 about 1000 internal items are kept", m =>
            {
                ThreadState thread = ThreadState.Current;
                for (int index = 0; index < 1500; index++)
                {
                    thread.Messages.Add(Function.aclrtSynchronizeStream, AclError.RtTsError, $"failure {index}", null);
                }
                string text = m.Message()!;
                Assert.Contains("failure 999", text, StringComparison.Ordinal);
                Assert.DoesNotContain("failure 1000", text, StringComparison.Ordinal);
            }
        },
        { "6 null pointers EH0002, other bad values EH0009", m =>
            {
                m.Returns(100000, m.Api.aclrtCreateStream(null));
                Assert.Contains("(EH0002)", m.Message(), StringComparison.Ordinal);
                m.Returns(100000, m.Api.aclrtLaunchCallback(0, null, (aclrtCallbackBlockType)7, 0));
                Assert.Contains("(EH0009)", m.Message(), StringComparison.Ordinal);
            }
        },
        { "6 the codes of the families", m =>
            {
                nint stream = m.Stream(), foreign = m.ForeignStream();
                using Gate gate = m.Hold(stream);
                (int Code, string Message, Func<int> Call)[] cases =
                [
                    (507046, "EE1002", () => m.Api.aclrtSynchronizeStreamWithTimeout(stream, 1)),
                    (107003, "EE1010", () => m.Api.aclrtDestroyStream(foreign)),
                    (107012, "EE1018", () => m.Api.aclrtProcessReport(1)),
                    (207000, "EE1005", () => m.Api.aclrtResetEvent(m.ExEvent(), stream)),
                    (107001, "EE1001", () => m.Api.aclrtSetDevice(99)),
                    (507007, "EE1018", () => m.Api.aclrtResetDevice(1) + (m.Api.aclrtResetDevice(1) == 507007 ? 507007 : 0)),
                ];
                foreach ((int code, string message, Func<int> call) in cases)
                {
                    _ = m.Message();
                    m.Returns(code, call());
                    Assert.Contains($"({message})", m.Message(), StringComparison.Ordinal);
                }
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);

    [GeneratedRegex(@"^\[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} \w+\(EE1001\): aclrtSynchronizeStream returned 107017 .*\n$")]
    private static partial Regex Headline();

    [GeneratedRegex(@"^EE9999\[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} \(EE9999\):  aclrtSynchronizeStream returned 507013")]
    private static partial Regex InternalLine();

    private static int Init(TestMachine m, string configuration)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, configuration);
            fixed (byte* text = System.Text.Encoding.UTF8.GetBytes(path + "\0"))
            {
                return m.Api.aclInit(text);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }
}
