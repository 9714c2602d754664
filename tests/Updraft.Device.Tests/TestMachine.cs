using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Updraft.Device.Tests;

/// <summary>
/// A fresh emulated machine for one test, called through the C interface in process. Device 0 is set on the calling thread. A test
/// that hangs is a failure: a watchdog ends the process and names it.
/// </summary>
/// <example><code>using var machine = new TestMachine("910b"); machine.Ok(machine.Api.aclrtSetDevice(1));</code></example>
internal sealed unsafe class TestMachine : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly Timer _watchdog;

    /// <summary>
    /// Path of a built library: the same test bodies run on it instead of the rows in process. It has one chip and the default schedule
    /// for the whole process, chosen by its own variables; tests of other machines skip themselves. See LibraryRowsTests.
    /// </summary>
    internal static readonly string? Library = Environment.GetEnvironmentVariable("UPDRAFT_TEST_LIBRARY");

    private static readonly AclApi s_api = Library == null ? AclApi.InProcess : AclApi.Load(Library);

    internal AclApi Api { get; } = s_api;

    internal TestMachine(string soc = "910b", string schedule = "threads", int devices = 2, string? deviceMemory = null, bool strict = false, bool setDevice = true, int? tasksPerStream = null, bool hasWatchdog = true, int? workers = null, string kernel = CopyKernel.Auto, [CallerMemberName] string test = "")
    {
        _watchdog = new Timer(_ => Environment.FailFast($"{test} did not end within {s_limit.TotalSeconds} s"), null, hasWatchdog ? s_limit : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (Library != null)
        {
            bool isItsMachine = soc == Environment.GetEnvironmentVariable("UPDRAFT_SOC") && schedule == "threads" && devices == 2 && deviceMemory == null && !strict && tasksPerStream == null && workers == null && kernel == CopyKernel.Auto;
            Assert.SkipUnless(isItsMachine, "the library of this process emulates another machine");
            if (setDevice)
            {
                Ok(Api.aclrtSetDevice(0));
            }
            return;
        }
        Chip chip = Chip.Find(soc, out string name) ?? throw new ArgumentException($"no chip {soc}", nameof(soc));
        var options = new Options { Chip = chip, SocName = name, Schedule = schedule, DeviceCount = devices, Strict = strict, TasksPerStream = tasksPerStream, Workers = workers, Kernel = kernel, LogLevel = LogLevel.Off };
        if (deviceMemory != null)
        {
            Assert.True(Options.TryParseSize(deviceMemory, out ulong bytes));
            options.DeviceMemoryBytes = bytes;
        }
        Lifecycle.Forget();
        ThreadState.Forget();
        Machine.Start(options);
        if (setDevice)
        {
            Ok(Api.aclrtSetDevice(0));
        }
    }

    public void Dispose()
    {
        _watchdog.Dispose();
        if (Library != null)
        {
            _ = Api.aclrtResetDeviceForce(1);
            _ = Api.aclrtResetDeviceForce(0);
            return;
        }
        Machine.Stop();
        ThreadState.Forget();
    }

    /// <summary>Fails with the library's own message when the call did not succeed.</summary>
    internal void Ok(int code, [CallerArgumentExpression(nameof(code))] string call = "")
    {
        if (code != 0)
        {
            Assert.Fail($"{call} returned {code}: {Message()}");
        }
    }

    /// <summary>The call must return exactly this code.</summary>
    internal void Returns(int expected, int actual, [CallerArgumentExpression(nameof(actual))] string call = "")
    {
        if (expected != actual)
        {
            Assert.Fail($"{call} returned {actual}, expected {expected}. {Message()}");
        }
    }

    internal string? Message() => Marshal.PtrToStringUTF8((nint)Api.aclGetRecentErrMsg());

    internal nint Stream()
    {
        nint stream;
        Ok(Api.aclrtCreateStream(&stream));
        return stream;
    }

    internal byte* Device(nuint bytes)
    {
        void* memory;
        Ok(Api.aclrtMalloc(&memory, bytes, aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST));
        return (byte*)memory;
    }

    internal byte* Pinned(nuint bytes, byte fill = 0)
    {
        void* memory;
        Ok(Api.aclrtMallocHost(&memory, bytes));
        new Span<byte>(memory, (int)bytes).Fill(fill);
        return (byte*)memory;
    }

    /// <summary>Pageable host memory; freed by nobody, the process of a test is short.</summary>
    internal static byte* Pageable(nuint bytes, byte fill = 0)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, 64);
        new Span<byte>(memory, (int)bytes).Fill(fill);
        return (byte*)memory;
    }

    /// <summary>What the device holds, read through the interface.</summary>
    internal byte[] Read(void* device, int bytes)
    {
        var copy = new byte[bytes];
        fixed (byte* target = copy)
        {
            Ok(Api.aclrtMemcpy(target, (nuint)bytes, device, (nuint)bytes, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST));
        }
        return copy;
    }

    internal void Write(void* device, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* source = bytes)
        {
            Ok(Api.aclrtMemcpy(device, (nuint)bytes.Length, source, (nuint)bytes.Length, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE));
        }
    }

    /// <summary>Holds the stream until the gate opens: what is queued behind it must not happen before.</summary>
    internal Gate Hold(nint stream) => new(this, stream);
}

/// <summary>A host function that waits: the way to keep a stream busy for exactly as long as a test wants.</summary>
internal sealed unsafe class Gate : IDisposable
{
    private readonly ManualResetEventSlim _entered = new(), _opened = new();
    private readonly GCHandle _self;

    internal Gate(TestMachine machine, nint stream)
    {
        _self = GCHandle.Alloc(this);
        machine.Ok(machine.Api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Wait, (void*)GCHandle.ToIntPtr(_self)));
    }

    /// <summary>Until the stream has come to the gate.</summary>
    internal void WaitUntilEntered() => Assert.True(_entered.Wait(TimeSpan.FromSeconds(30)), "the stream never came to the gate");

    internal void Open() => _opened.Set();

    public void Dispose() => Open();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Wait(void* argument)
    {
        var gate = (Gate)GCHandle.FromIntPtr((nint)argument).Target!;
        gate._entered.Set();
        gate._opened.Wait();
        gate._self.Free();
    }
}
