using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>
/// Rows of the facts as test cases: the name of a case is the row it checks, with the chip where the row depends on it. Each case gets
/// a machine of its own.
/// </summary>
/// <example><code>new RowTable { { "1.2 aclrtCreateStream: NULL 100000", m => m.Returns(100000, m.Api.aclrtCreateStream(null)) } }</code></example>
internal sealed class RowTable : IEnumerable<string>
{
    internal const string AllChips = "910b,910c,950,310b,310p,910", Stars = "910b,910c,950,310b", New = "910b,910c,950", Old = "310b,310p,910";

    private readonly Dictionary<string, (string Soc, Action<TestMachine> Body)> _rows = [];

    internal void Add(string row, Action<TestMachine> body) => _rows.Add(row, ("910b", body));

    /// <summary>One case per chip of the list.</summary>
    internal void Add(string row, string chips, Action<TestMachine> body)
    {
        foreach (string chip in chips.Split(','))
        {
            _rows.Add($"{row} [{chip}]", (chip, body));
        }
    }

    internal TheoryData<string> Names => [.. _rows.Keys];

    internal void Run(string row)
    {
        (string soc, Action<TestMachine> body) = _rows[row];
        using var machine = new TestMachine(soc);
        body(machine);
    }

    public IEnumerator<string> GetEnumerator() => _rows.Keys.GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>What the tests of streams do again and again.</summary>
internal static unsafe class StreamSteps
{
    internal const nint Junk = 0x1234_5678;
    internal const uint Sync = 1, TimeLine = 8, DeviceUseOnly = 0x10, External = 0x20, Ipc = 0x40;

    internal static Stream Engine(nint stream) => HandleTable.TryGet(stream, out Stream? found) ? found : throw new ArgumentException("no such stream", nameof(stream));

    /// <summary>A task that fails with this code when the stream comes to it.</summary>
    internal static void Fault(this TestMachine machine, nint stream, AclError code = AclError.RtSysDma)
    {
        _ = machine;
        Stream target = stream == 0 ? ThreadState.Current.Context!.DefaultStream : Engine(stream);
        target.Submit(new Command { Kind = CommandKind.Fault, Failure = code });
    }

    internal static nint Stream(this TestMachine machine, uint flags, uint priority = 0)
    {
        nint stream;
        machine.Ok(machine.Api.aclrtCreateStreamWithConfig(&stream, priority, flags));
        return stream;
    }

    internal static nint StaleStream(this TestMachine machine)
    {
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtDestroyStream(stream));
        return stream;
    }

    internal static nint DefaultStream(this TestMachine machine)
    {
        nint stream;
        machine.Ok(machine.Api.aclrtCtxGetCurrentDefaultStream(&stream));
        return stream;
    }

    /// <summary>A stream of device 1, with device 0 current.</summary>
    internal static nint ForeignStream(this TestMachine machine)
    {
        machine.Devices(2);
        machine.Ok(machine.Api.aclrtSetDevice(1));
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtSetDevice(0));
        return stream;
    }

    private static void Devices(this TestMachine machine, uint atLeast)
    {
        uint count;
        machine.Ok(machine.Api.aclrtGetDeviceCount(&count));
        Assert.True(count >= atLeast);
    }

    internal static nint Event(this TestMachine machine)
    {
        nint created;
        machine.Ok(machine.Api.aclrtCreateEvent(&created));
        return created;
    }

    internal static nint FlaggedEvent(this TestMachine machine, uint flags = Sync)
    {
        nint created;
        machine.Ok(machine.Api.aclrtCreateEventWithFlag(&created, flags));
        return created;
    }

    internal static nint ExEvent(this TestMachine machine, uint flags = Sync)
    {
        nint created;
        machine.Ok(machine.Api.aclrtCreateEventExWithFlag(&created, flags));
        return created;
    }

    internal static nint StaleEvent(this TestMachine machine)
    {
        nint created = machine.Event();
        machine.Ok(machine.Api.aclrtDestroyEvent(created));
        return created;
    }

    internal static nint Notify(this TestMachine machine)
    {
        nint notify;
        machine.Ok(machine.Api.aclrtCreateNotify(&notify, 0));
        return notify;
    }

    internal static bool IsComplete(this TestMachine machine, nint stream)
    {
        aclrtStreamStatus status;
        machine.Ok(machine.Api.aclrtStreamQuery(stream, &status));
        return status == aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
    }

    internal static aclrtEventRecordedStatus Recorded(this TestMachine machine, nint recorded)
    {
        aclrtEventRecordedStatus status;
        machine.Ok(machine.Api.aclrtQueryEventStatus(recorded, &status));
        return status;
    }

    internal static int LastError(this TestMachine machine) => machine.Api.aclrtGetLastError(0);

    /// <summary>On a thread that has never set a device.</summary>
    internal static void OnFreshThread(Action action) => new Background(action).Join();

    /// <summary>Starts a thread that works in a device, and ends when the action does.</summary>
    internal static Background InBackground(this TestMachine machine, Action action, int device = 0) => new(() =>
    {
        machine.Ok(machine.Api.aclrtSetDevice(device));
        action();
    });

    /// <summary>Until the condition holds: for states that no event announces. The machine's watchdog limits it.</summary>
    internal static void Until(Func<bool> condition)
    {
        var spinner = new SpinWait();
        while (!condition())
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }
    }
}

/// <summary>Another thread of the program; its failure fails the test that joins it.</summary>
internal sealed class Background
{
    private readonly Thread _thread;
    private Exception? _failure;

    internal Background(Action action)
    {
        _thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                _failure = exception;
            }
        })
        { IsBackground = true };
        _thread.Start();
    }

    internal bool HasEnded => !_thread.IsAlive;

    internal void Join()
    {
        _thread.Join();
        if (_failure != null)
        {
            throw new Xunit.Sdk.XunitException(_failure.ToString());
        }
    }
}

/// <summary>A function of the program that counts its calls and keeps their order: for host functions and callbacks.</summary>
internal sealed unsafe class Calls
{
    private readonly List<(nint Argument, int Thread)> _calls = [];
    private readonly ManualResetEventSlim _any = new();

    [ThreadStatic]
    private static int t_inside;

    private static Calls s_current = new();
    private static int s_running, s_maximum;

    internal static Calls Start()
    {
        (s_running, s_maximum) = (0, 0);
        return s_current = new Calls();
    }

    internal static nint Function => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Record;

    /// <summary>For tests that do not look at the call: it may come when the next test counts already.</summary>
    internal static nint Uncounted => (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Nothing;

    internal nint[] Arguments
    {
        get
        {
            lock (_calls)
            {
                return [.. _calls.Select(call => call.Argument)];
            }
        }
    }

    internal int[] Threads
    {
        get
        {
            lock (_calls)
            {
                return [.. _calls.Select(call => call.Thread).Distinct()];
            }
        }
    }

    /// <summary>How many ran at the same time at most.</summary>
    internal static int Together => s_maximum;

    internal bool WaitForAny() => _any.Wait(TimeSpan.FromSeconds(30));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Nothing(void* argument) { }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Record(void* argument)
    {
        if (ThreadState.Current is { Context: null, ContextEvenIfDestroyed: not null })
        {
            return; // The callback thread of a machine that has ended: the call belongs to the test before.
        }
        t_inside++;
        int running = Interlocked.Increment(ref s_running);
        InterlockedMaximum(ref s_maximum, running);
        lock (s_current._calls)
        {
            s_current._calls.Add(((nint)argument, Environment.CurrentManagedThreadId));
        }
        s_current._any.Set();
        Interlocked.Decrement(ref s_running);
        t_inside--;
    }

    private static void InterlockedMaximum(ref int target, int value)
    {
        int before;
        while (value > (before = Volatile.Read(ref target)) && Interlocked.CompareExchange(ref target, value, before) != before)
        {
        }
    }
}
