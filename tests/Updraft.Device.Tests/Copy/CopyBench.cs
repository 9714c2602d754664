using System.Runtime.CompilerServices;

namespace Updraft.Device.Tests;

/// <summary>One row of the facts, the chips it is checked on, and the check. The name says where the row stands.</summary>
internal sealed record CopyRow(string Name, string Chips, Action<CopyBench> Check)
{
    internal const string All = "910b 910c 950 310b 310p 910";

    internal static TheoryData<string, string> Data(IEnumerable<CopyRow> rows)
    {
        var data = new TheoryData<string, string>();
        foreach (CopyRow row in rows)
        {
            foreach (string chip in row.Chips.Split(' '))
            {
                data.Add(row.Name, chip);
            }
        }
        return data;
    }

    internal static void Run(IEnumerable<CopyRow> rows, string name, string chip, [CallerMemberName] string test = "")
    {
        using var bench = new CopyBench(chip, $"{test}({name}, {chip})");
        Assert.Single(rows, row => row.Name == name && row.Chips.Split(' ').Contains(chip)).Check(bench);
    }
}

/// <summary>
/// A machine with one buffer of every kind of memory between two neighbours of the same kind, each filled with its own pattern. A call
/// that must fail is checked for its code, for what it leaves as last error, and for leaving every byte of all of them as it was.
/// </summary>
internal sealed unsafe class CopyBench : IDisposable
{
    internal const int Size = 4096;
    internal const aclrtMemcpyKind H2H = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_HOST, H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST,
        D2D = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE, Default = aclrtMemcpyKind.ACL_MEMCPY_DEFAULT, Buffered = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE,
        Inner = aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE, Inter = aclrtMemcpyKind.ACL_MEMCPY_INTER_DEVICE_TO_DEVICE;

    private readonly List<(nint Start, int Bytes, byte[] Expected)> _guarded = [];

    internal TestMachine Machine { get; }
    internal AclApi Api => Machine.Api;
    internal string Chip { get; }

    /// <summary>Device memory of device 0 (two buffers) and of device 1, pinned and pageable host memory, two buffers each.</summary>
    internal byte* Dev { get; }
    internal byte* Dev2 { get; }
    internal byte* Other { get; }
    internal byte* Pin { get; }
    internal byte* Pin2 { get; }
    internal byte* Page { get; }
    internal byte* Page2 { get; }

    internal nint[] Buffers => [(nint)Dev, (nint)Dev2, (nint)Other, (nint)Pin, (nint)Pin2, (nint)Page, (nint)Page2];

    internal nint Stream { get; }

    /// <summary>A stream of another context, a destroyed one, and the handle of an event.</summary>
    internal nint Foreign { get; }
    internal nint Destroyed { get; }
    internal nint Event { get; }

    internal CopyBench(string chip, string test, bool strict = false, string schedule = "threads")
    {
        Chip = chip;
        Machine = new TestMachine(chip, schedule: schedule, strict: strict, test: test);
        Machine.Ok(Api.aclrtSetDevice(1));
        Foreign = Machine.Stream();
        Other = Fenced(() => Machine.Device(Size));
        Machine.Ok(Api.aclrtSetDevice(0));
        Dev = Fenced(() => Machine.Device(Size));
        Dev2 = Fenced(() => Machine.Device(Size));
        Pin = Fenced(() => Machine.Pinned(Size));
        Pin2 = Fenced(() => Machine.Pinned(Size));
        Page = Fenced(() => TestMachine.Pageable(Size));
        Page2 = Fenced(() => TestMachine.Pageable(Size));
        Stream = Machine.Stream();
        Destroyed = Machine.Stream();
        Machine.Ok(Api.aclrtDestroyStream(Destroyed));
        nint handle;
        Machine.Ok(Api.aclrtCreateEvent(&handle));
        Event = handle;
        ForgetError();
    }

    public void Dispose()
    {
        Machine.Dispose();
    }

    private delegate byte* Allocation();

    private byte* Fenced(Allocation allocate)
    {
        byte* before = allocate(), memory = allocate(), after = allocate();
        foreach (nint start in new[] { (nint)before, (nint)memory, (nint)after })
        {
            var expected = new byte[Size];
            new Random(_guarded.Count).NextBytes(expected);
            _guarded.Add((start, Size, expected));
            Machine.Write((void*)start, expected);
        }
        return memory;
    }

    internal byte[] Original(void* memory) => _guarded.Single(entry => entry.Start == (nint)memory).Expected;

    /// <summary>Every byte of every buffer and neighbour is what it was, apart from the named ranges.</summary>
    internal void NothingChanged(params (nint Start, int Bytes)[] except)
    {
        foreach ((nint start, int bytes, byte[] expected) in _guarded)
        {
            byte[] found = Machine.Read((void*)start, bytes);
            for (int index = 0; index < bytes; index++)
            {
                if (found[index] != expected[index] && !except.Any(range => start + index >= range.Start && start + index < range.Start + range.Bytes))
                {
                    Assert.Fail($"byte {index} of the buffer 0x{start:x} changed from {expected[index]} to {found[index]}");
                }
            }
        }
    }

    internal void ForgetError() => _ = Api.aclrtGetLastError(0);

    /// <summary>The call failed with that code, left it as last error or not, and changed nothing.</summary>
    internal void Fails(int code, int actual, bool stored = true, [CallerArgumentExpression(nameof(actual))] string call = "")
    {
        int last = (int)Api.aclrtPeekAtLastError(0);
        Machine.Returns(code, actual, call);
        Assert.True((stored && code >= 107000 ? code : 0) == last, $"{call}: the last error is {last}");
        ForgetError();
        NothingChanged();
    }

    /// <summary>As <see cref="Fails"/>, on a thread that never had a context.</summary>
    internal void FailsWithoutContext(int code, Func<int> call, bool stored = true)
    {
        (int Code, int Last) result = WithoutContext(call);
        Machine.Returns(code, result.Code);
        Assert.Equal(stored && code >= 107000 ? code : 0, result.Last);
        NothingChanged();
    }

    internal (int Code, int Last) WithoutContext(Func<int> call)
    {
        (int, int) result = default;
        var thread = new Thread(() => result = (call(), (int)Api.aclrtPeekAtLastError(0)));
        thread.Start();
        thread.Join();
        return result;
    }

    /// <summary>The call was accepted, its task fails with 507013 at the next synchronise and only once; nothing changed.</summary>
    internal void Faults(int actual, int code = 507013, nint stream = -1, [CallerArgumentExpression(nameof(actual))] string call = "")
    {
        stream = stream == -1 ? Stream : stream;
        Machine.Returns(0, actual, call);
        Machine.Returns(code, Api.aclrtSynchronizeStream(stream), "the synchronise after " + call);
        Assert.Equal(code, (int)Api.aclrtPeekAtLastError(0));
        ForgetError();
        Machine.Ok(Api.aclrtSynchronizeStream(stream));
        NothingChanged();
    }

    internal void Ok(int code, [CallerArgumentExpression(nameof(code))] string call = "") => Machine.Ok(code, call);

    /// <summary>The call and everything it queued succeeded, and the range has the bytes of the source's pattern; nothing else changed.</summary>
    internal void Copies(int actual, void* to, void* from, int bytes, nint stream = -1, [CallerArgumentExpression(nameof(actual))] string call = "")
    {
        Machine.Ok(actual, call);
        Machine.Ok(Api.aclrtSynchronizeStream(stream == -1 ? Stream : stream));
        AssertBytes(Expected(from, bytes), to);
        NothingChanged(((nint)to, bytes));
    }

    internal void AssertBytes(byte[] expected, void* memory) => Assert.Equal(expected, Machine.Read(memory, expected.Length));

    private byte[] Expected(void* from, int bytes)
    {
        (nint start, _, byte[] pattern) = _guarded.Single(entry => (nint)from >= entry.Start && (nint)from < entry.Start + entry.Bytes);
        return pattern[(int)((nint)from - start)..][..bytes];
    }

    /// <summary>A device or pinned pointer whose memory has been freed.</summary>
    internal byte* FreedDevice()
    {
        byte* memory = Machine.Device(Size);
        Machine.Ok(Api.aclrtFree(memory));
        return memory;
    }

    internal byte* FreedPinned()
    {
        byte* memory = Machine.Pinned(Size);
        Machine.Ok(Api.aclrtFreeHost(memory));
        return memory;
    }
}
