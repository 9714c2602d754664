using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Updraft.Cli;

/// <summary>
/// Measures copies through the C interface of a library, as a program would make them: pinned host memory, device memory that has been
/// touched, one stream. A plain memcpy between two host buffers of the same size runs beside every size as the reference.
/// </summary>
/// <example><code>using CopyBench bench = new(AclApi.Load(path), 1 &lt;&lt; 20, quick: true); foreach (CopyMeasurement each in bench.Run(null)) …</code></example>
internal sealed unsafe partial class CopyBench : IDisposable
{
    internal const string HostToDevice = "H2D", DeviceToHost = "D2H", DeviceToDevice = "D2D", AcrossDevices = "D2D peer", Memcpy = "memcpy";

    /// <summary>In the order in which they are shown. <see cref="AcrossDevices"/> needs a second device.</summary>
    internal static readonly string[] Directions = [HostToDevice, DeviceToHost, DeviceToDevice, AcrossDevices, Memcpy];

    internal const ulong SmallestBytes = 64, LargestBytes = 256 << 20;

    /// <summary>Small copies walk through this much, so that they are not all the same cache lines.</summary>
    internal const ulong WalkBytes = 64 << 10;

    /// <summary>What the direction check moves at most.</summary>
    private const ulong CheckedBytes = 1 << 20;

    private readonly AclApi _api;
    private readonly ulong _largest;
    private readonly double _batchSeconds;
    private readonly int _rounds;
    private readonly List<string> _directions = [];
    private nint _stream;
    private byte* _host, _otherHost, _device, _otherDevice, _peer;

    /// <summary>Why <see cref="AcrossDevices"/> is not measured, or null.</summary>
    internal string? PeerIsMissing { get; private set; }

    internal List<ulong> Sizes { get; } = [];

    /// <summary>Sizes and directions together: what <see cref="Run"/> gives.</summary>
    internal int Count => Sizes.Count * _directions.Count;

    internal CopyBench(AclApi api, ulong largest, bool quick)
    {
        _api = api;
        _largest = Math.Max(largest, WalkBytes);
        (_batchSeconds, _rounds) = quick ? (0.001, 3) : (0.010, 5);
        for (ulong size = SmallestBytes; size <= largest; size *= quick ? 16UL : 4UL)
            Sizes.Add(size);
        Ok(api.aclInit(null), nameof(api.aclInit));
        Allocate();
    }

    public void Dispose()
    {
        // The process ends after this; what the library holds goes with it. Only the two large host buffers are ours to give back early.
        _api.aclrtFreeHost(_host);
        _api.aclrtFreeHost(_otherHost);
    }

    /// <summary>One measurement after another; <paramref name="progress"/> hears what comes next and how many are done.</summary>
    internal IEnumerable<CopyMeasurement> Run(Action<string, int>? progress)
    {
        foreach (string direction in _directions)
            Check(direction);
        int done = 0;
        foreach (ulong size in Sizes)
        {
            foreach (string direction in _directions)
            {
                progress?.Invoke($"{direction}, {Cli.Sizes.Text(size)}", done++);
                yield return Measure(direction, size);
            }
        }
    }

    private void Allocate()
    {
        Ok(_api.aclrtSetDevice(0), nameof(_api.aclrtSetDevice));
        nint stream;
        Ok(_api.aclrtCreateStream(&stream), nameof(_api.aclrtCreateStream));
        _stream = stream;
        _host = Pinned();
        _otherHost = Pinned();
        _device = OnDevice();
        _otherDevice = OnDevice();
        _directions.AddRange([HostToDevice, DeviceToHost, DeviceToDevice]);
        PeerIsMissing = AllocatePeer();
        if (PeerIsMissing is null)
            _directions.Add(AcrossDevices);
        _directions.Add(Memcpy);
        for (ulong index = 0; index < _largest; index++)
            _host[index] = (byte)(index * 31 + (index >> 12));
    }

    private string? AllocatePeer()
    {
        uint devices;
        Ok(_api.aclrtGetDeviceCount(&devices), nameof(_api.aclrtGetDeviceCount));
        if (devices < 2)
            return "there is one device only";
        Ok(_api.aclrtSetDevice(1), nameof(_api.aclrtSetDevice));
        _peer = OnDevice();
        Ok(_api.aclrtSetDevice(0), nameof(_api.aclrtSetDevice));
        int code = _api.aclrtDeviceEnablePeerAccess(1, 0);
        return code == 0 ? null : $"aclrtDeviceEnablePeerAccess returned {code}";
    }

    private byte* Pinned()
    {
        void* memory;
        Ok(_api.aclrtMallocHost(&memory, (nuint)_largest), nameof(_api.aclrtMallocHost));
        NativeMemory.Fill(memory, (nuint)_largest, 1);
        return (byte*)memory;
    }

    private byte* OnDevice()
    {
        void* memory;
        Ok(_api.aclrtMalloc(&memory, (nuint)_largest, aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST), nameof(_api.aclrtMalloc));
        Ok(_api.aclrtMemset(memory, (nuint)_largest, 0, (nuint)_largest), nameof(_api.aclrtMemset));
        return (byte*)memory;
    }

    private (nint To, nint From, aclrtMemcpyKind Kind) Ends(string direction) => direction switch
    {
        HostToDevice => ((nint)_device, (nint)_host, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE),
        DeviceToHost => ((nint)_otherHost, (nint)_device, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST),
        DeviceToDevice => ((nint)_otherDevice, (nint)_device, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE),
        AcrossDevices => ((nint)_peer, (nint)_device, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE),
        _ => ((nint)_otherHost, (nint)_host, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_HOST),
    };

    /// <summary>A figure for copies that do not arrive is worth nothing: the bytes are compared once for each direction.</summary>
    private void Check(string direction)
    {
        nuint bytes = (nuint)Math.Min(_largest, CheckedBytes);
        Ok(_api.aclrtMemcpy(_device, bytes, _host, bytes, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE), nameof(_api.aclrtMemcpy));
        (nint to, _, _) = Ends(direction);
        if (to == (nint)_otherHost)
            NativeMemory.Clear(_otherHost, bytes);
        else
            Ok(_api.aclrtMemset((void*)to, bytes, 0, bytes), nameof(_api.aclrtMemset));
        Batch(direction, bytes, 1, waitsForEach: false);
        if (to != (nint)_otherHost)
            Ok(_api.aclrtMemcpy(_otherHost, bytes, (void*)to, bytes, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST), nameof(_api.aclrtMemcpy));
        if (!new ReadOnlySpan<byte>(_otherHost, (int)bytes).SequenceEqual(new ReadOnlySpan<byte>(_host, (int)bytes)))
            throw new FailedException($"copies {direction} succeed and do not bring the bytes: nothing was measured.");
    }

    private CopyMeasurement Measure(string direction, ulong size)
    {
        double each = PerCopy(direction, size, waitsForEach: false);
        double waited = direction == Memcpy ? each : PerCopy(direction, size, waitsForEach: true);
        return new(direction, size, size / each * 1e-9, waited * 1e9);
    }

    /// <summary>Seconds, the median of the rounds; each round as many copies as fill a batch.</summary>
    private double PerCopy(string direction, ulong size, bool waitsForEach)
    {
        int count = 1;
        while (true)
        {
            double seconds = Batch(direction, size, count, waitsForEach);
            if (seconds >= _batchSeconds || count >= 1 << 20)
                break;
            count = (int)Math.Min(1 << 20, Math.Max(count * 2L, (long)(count * _batchSeconds / Math.Max(seconds, 1e-7))));
        }
        double[] rounds = new double[_rounds];
        for (int round = 0; round < _rounds; round++)
            rounds[round] = Batch(direction, size, count, waitsForEach) / count;
        Array.Sort(rounds);
        return rounds[_rounds / 2];
    }

    private double Batch(string direction, ulong size, int count, bool waitsForEach)
    {
        (nint to, nint from, aclrtMemcpyKind kind) = Ends(direction);
        ulong span = Math.Max(size, WalkBytes);
        long start = Stopwatch.GetTimestamp();
        ulong offset = 0;
        for (int index = 0; index < count; index++)
        {
            void* target = (byte*)to + offset, source = (byte*)from + offset;
            if (direction == Memcpy)
            {
                memcpy(target, source, (nuint)size);
            }
            else
            {
                Ok(_api.aclrtMemcpyAsync(target, (nuint)size, source, (nuint)size, kind, _stream), nameof(_api.aclrtMemcpyAsync));
                if (waitsForEach)
                    Ok(_api.aclrtSynchronizeStream(_stream), nameof(_api.aclrtSynchronizeStream));
            }
            offset += size;
            if (offset >= span)
                offset = 0;
        }
        if (direction != Memcpy)
            Ok(_api.aclrtSynchronizeStream(_stream), nameof(_api.aclrtSynchronizeStream));
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private void Ok(int code, string call)
    {
        if (code != 0)
            throw new FailedException($"{call} returned {code}. {Marshal.PtrToStringUTF8((nint)_api.aclGetRecentErrMsg())}".TrimEnd());
    }

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial nint memcpy(void* to, void* from, nuint bytes);
}
