using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Devices and contexts: memory.md 8, as far as threads and contexts are concerned.</summary>
public sealed unsafe class DeviceRowsTests
{
    private static readonly RowTable s_rows = new()
    {
        { "8 aclrtSetDevice: outside the visible set 107001", m =>
            {
                m.Returns(107001, m.Api.aclrtSetDevice(-1));
                m.Returns(107001, m.Api.aclrtSetDevice(2));
                Assert.Equal(107001, m.LastError());
            }
        },
        { "8 aclrtSetDevice: drops the thread's explicit context in favour of the primary one", m =>
            {
                nint context, primary, current;
                m.Ok(m.Api.aclrtGetCurrentContext(&primary));
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                m.Ok(m.Api.aclrtGetCurrentContext(&current));
                Assert.Equal(context, current);
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtGetCurrentContext(&current));
                Assert.Equal(primary, current);
            }
        },
        { "8 aclrtGetDevice: nothing set 107002", m => OnFreshThread(() => { int device; m.Returns(107002, m.Api.aclrtGetDevice(&device)); }) },
        { "8 aclrtGetDevice: NULL 100000", m => m.Returns(100000, m.Api.aclrtGetDevice(null)) },
        { "8 aclrtResetDevice: counted, one too many 507007", m =>
            {
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtResetDevice(0));
                m.Ok(m.Api.aclrtSynchronizeDevice());
                m.Ok(m.Api.aclrtResetDevice(0));
                m.Returns(107002, m.Api.aclrtSynchronizeDevice());
                m.Returns(507007, m.Api.aclrtResetDevice(0));
                m.Returns(107001, m.Api.aclrtResetDevice(7));
            }
        },
        { "8 aclrtResetDeviceForce: takes the count to 0 at once", m =>
            {
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtResetDeviceForce(0));
                m.Returns(507007, m.Api.aclrtResetDeviceForce(0));
                m.Returns(507007, m.Api.aclrtResetDevice(0));
            }
        },
        { "8 afterwards handles are 107017, explicit contexts too, threads have no context", m =>
            {
                nint context, stream = m.Stream(), recorded = m.Event();
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                m.Ok(m.Api.aclrtResetDevice(0));
                m.Returns(107017, m.Api.aclrtSynchronizeStream(stream));
                m.Returns(107017, m.Api.aclrtSetCurrentContext(context));
                m.Returns(107002, m.Api.aclrtSynchronizeDevice());
                m.Returns(107002, m.Api.aclrtRecordEvent(recorded, 0));
                Assert.Contains("has been destroyed", m.Message(), StringComparison.Ordinal);
            }
        },
        { "8 explicit contexts are not counted by the device counter", m =>
            {
                nint context;
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                m.Ok(m.Api.aclrtResetDevice(0));
                m.Returns(507007, m.Api.aclrtResetDevice(0));
            }
        },
        { "8 a reset by one thread while another holds the count leaves its context alone", m =>
            {
                using var set = new ManualResetEventSlim();
                using var reset = new ManualResetEventSlim();
                Background other = m.InBackground(() =>
                {
                    set.Set();
                    Assert.True(reset.Wait(TimeSpan.FromSeconds(30)));
                    m.Ok(m.Api.aclrtSynchronizeDevice());
                });
                Assert.True(set.Wait(TimeSpan.FromSeconds(30)));
                m.Ok(m.Api.aclrtResetDevice(0));
                reset.Set();
                other.Join();
            }
        },
        { "05 contexts: NULL 100000, stale and junk 107017, primary cannot be destroyed", m =>
            {
                nint context, primary;
                m.Ok(m.Api.aclrtGetCurrentContext(&primary));
                m.Returns(100000, m.Api.aclrtCreateContext(null, 0));
                m.Returns(107001, m.Api.aclrtCreateContext(&context, 9));
                m.Returns(100000, m.Api.aclrtDestroyContext(0));
                m.Returns(100000, m.Api.aclrtSetCurrentContext(0));
                m.Returns(100000, m.Api.aclrtGetCurrentContext(null));
                m.Returns(100000, m.Api.aclrtCtxGetCurrentDefaultStream(null));
                m.Returns(107017, m.Api.aclrtSetCurrentContext(m.Stream()));
                m.Returns(107017, m.Api.aclrtDestroyContext(Junk));
                m.Returns(107000, m.Api.aclrtDestroyContext(primary));
                m.Ok(m.Api.aclrtCreateContext(&context, 1));
                m.Ok(m.Api.aclrtDestroyContext(context));
                m.Returns(107017, m.Api.aclrtDestroyContext(context));
                m.Returns(107002, m.Api.aclrtSynchronizeDevice());
            }
        },
        { "05 the primary context: its state and how many contexts it survives", m =>
            {
                uint flags;
                int active;
                m.Ok(m.Api.aclrtGetPrimaryCtxState(0, &flags, &active));
                Assert.Equal((0u, 1), (flags, active));
                m.Ok(m.Api.aclrtGetPrimaryCtxState(1, &flags, &active));
                Assert.Equal(0, active);
                m.Returns(107001, m.Api.aclrtGetPrimaryCtxState(2, &flags, &active));
            }
        },
        { "04 device state callbacks: the first set and the last reset", m =>
            {
                StateLog.Entries.Clear();
                fixed (byte* name = "probe\0"u8)
                {
                    m.Ok(m.Api.aclrtRegDeviceStateCallback(name, StateLog.DeviceFunction, (void*)4));
                    m.Ok(m.Api.aclrtSetDevice(1));
                    m.Ok(m.Api.aclrtSetDevice(1));
                    m.Ok(m.Api.aclrtResetDevice(1));
                    m.Ok(m.Api.aclrtResetDevice(1));
                    Assert.Equal(["device 1 0 4", "device 1 1 4", "device 1 2 4", "device 1 3 4"], StateLog.Entries);
                    m.Ok(m.Api.aclrtRegDeviceStateCallback(name, 0, null));
                    m.Ok(m.Api.aclrtSetDevice(1));
                    Assert.Equal(4, StateLog.Entries.Count);
                    m.Returns(100000, m.Api.aclrtRegDeviceStateCallback(null, 0, null));
                }
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);
}
