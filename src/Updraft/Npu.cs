using System.Runtime.InteropServices;
using Updraft.Device;

namespace Updraft;

/// <summary>
/// A machine with NPUs: emulated in this process (<see cref="Open"/>), or whatever a <c>libascendcl.so</c> drives (<see cref="Load"/>).
/// Everything else comes from here, and programs cannot tell which it is. Safe to use from any thread.
/// </summary>
/// <example><code>
/// using var npu = Npu.Open();
/// using var device = npu.OpenDevice(0);
/// using var stream = device.CreateStream();
/// using var host = device.AllocateHost&lt;float&gt;(1024);
/// using var memory = device.Allocate&lt;float&gt;(1024);
/// stream.Copy(host, memory);
/// await stream.SynchronizeAsync();
/// </code></example>
public sealed unsafe class Npu : IDisposable
{
    internal static readonly object Gate = new();
    private const int LeaveMs = 10_000;
    private static Session? s_inProcess;
    private static readonly Dictionary<string, AclApi> s_libraries = [];

    private int _isDisposed;

    private Npu(Session session)
    {
        Session = session;
        session.Users++;
    }

    internal Session Session { get; }

    /// <summary>Every C function as a typed call, for what has no place in this API. C: the whole interface.</summary>
    public AclApi Api => Session.Api;

    /// <summary>True for the emulated machine of <see cref="Open"/>.</summary>
    public bool IsInProcess => Session.IsInProcess;

    /// <summary>The library's path; null in process.</summary>
    public string? LibraryPath => Session.Path;

    /// <summary>
    /// A task of some stream has failed. Raised on threads of the library, possibly several at once; handlers must not call this API, and
    /// what they throw is only written to stderr. The failure is also thrown by the next synchronisation of its stream.
    /// C: aclrtExceptionInfoCallbackRegister.
    /// </summary>
    public event Action<TaskFailure>? TaskFailed
    {
        add => Session.TaskFailed += value;
        remove => Session.TaskFailed -= value;
    }

    /// <summary>Number of devices, at least 0. C: aclrtGetDeviceCount.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    public int DeviceCount
    {
        get
        {
            uint count;
            Check(Api.aclrtGetDeviceCount(&count), nameof(Api.aclrtGetDeviceCount));
            return (int)count;
        }
    }

    /// <summary>The chip's full name, as in <c>Ascend910B3</c>; empty when the library does not know it. C: aclrtGetSocName.</summary>
    public string SocName => Marshal.PtrToStringUTF8((nint)Api.aclrtGetSocName()) ?? "";

    /// <summary>Whether the program runs on a host with NPUs or on the board of the NPU itself. C: aclrtGetRunMode.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    public aclrtRunMode RunMode
    {
        get
        {
            aclrtRunMode mode;
            Check(Api.aclrtGetRunMode(&mode), nameof(Api.aclrtGetRunMode));
            return mode;
        }
    }

    /// <summary>
    /// The emulated machine of this process. There is one per process: while it is open, further calls share it. It ends when
    /// everything that came from it is disposed; a new one waits up to 10 s for the work of one that was given up.
    /// </summary>
    /// <param name="options">The machine to emulate; null takes the environment (UPDRAFT_*) and joins an open machine as it is.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="InvalidOperationException">A machine with other options is open.</exception>
    public static Npu Open(NpuOptions? options = null)
    {
        lock (Gate)
        {
            // What was disposed may still be on its way out: a copy that runs, an await that was let go.
            long end = Environment.TickCount64 + LeaveMs;
            while (s_inProcess is { Users: 0 } && Environment.TickCount64 < end)
            {
                Monitor.Wait(Gate, 10);
            }
            if (s_inProcess != null)
            {
                if (options != null && options != s_inProcess.Options)
                {
                    throw new InvalidOperationException($"The emulated machine of this process is open with other options ({s_inProcess.Options}); dispose everything that came from it first.");
                }
                s_inProcess.Hold();
                return new Npu(s_inProcess);
            }
            NpuOptions asked = options ?? new NpuOptions();
            Machine.Start(asked.ToOptions());
            try
            {
                s_inProcess = new Session(AclApi.InProcess, asked, path: null);
            }
            catch
            {
                Machine.Stop();
                throw;
            }
            return new Npu(s_inProcess);
        }
    }

    /// <summary>
    /// An AscendCL library: the one of Updraft, or the vendor's on a machine with hardware. Functions that it lacks fail with
    /// <see cref="AclError.RtFeatureNotSupport"/>. A library stays loaded until the process ends.
    /// </summary>
    /// <param name="path">A path, or a name that the system's loader finds, as in <c>libascendcl.so</c>.</param>
    /// <exception cref="DllNotFoundException">There is no such library, or one that it needs is missing.</exception>
    /// <exception cref="AclException">The library could not be initialised.</exception>
    public static Npu Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        lock (Gate)
        {
            if (!s_libraries.TryGetValue(path, out AclApi? api))
            {
                s_libraries[path] = api = AclApi.Load(path);
            }
            return new Npu(new Session(api, null, path));
        }
    }

    /// <summary>Makes a device usable: its primary context, shared with everybody else in the process who opens it. C: aclrtSetDevice.</summary>
    /// <param name="id">From 0 to <see cref="DeviceCount"/> - 1.</param>
    /// <exception cref="AclException">107001: there is no such device. 507033: it could not be set up.</exception>
    /// <exception cref="ObjectDisposedException">The machine is disposed.</exception>
    public NpuDevice OpenDevice(int id)
    {
        ThrowIfDisposed();
        return new NpuDevice(this, id);
    }

    /// <summary>What kind of memory an address is. C: aclrtPointerGetAttributes.</summary>
    /// <exception cref="AclException">107000: the address means nothing to the library. 100000: it is 0.</exception>
    public PointerInfo GetPointerInfo(nint address)
    {
        aclrtPtrAttributes attributes;
        Check(Api.aclrtPointerGetAttributes((void*)address, &attributes), nameof(Api.aclrtPointerGetAttributes));
        return new PointerInfo(attributes.location.type, (int)attributes.location.id, (int)attributes.pageSize);
    }

    /// <summary>Gives the machine up. What came from it stays usable; the emulated machine ends with the last of it.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            lock (Gate)
            {
                Session.Users--;
                Session.Release();
            }
        }
    }

    /// <summary>Under the gate.</summary>
    internal static void Forget(Session session)
    {
        s_inProcess = ReferenceEquals(s_inProcess, session) ? null : s_inProcess;
        Monitor.PulseAll(Gate);
    }

    internal void Check(int code, string function)
    {
        if (code != 0)
        {
            throw AclException.Of(Api, code, function);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
}

/// <summary>A task that failed on a device.</summary>
/// <param name="Code">Why.</param>
/// <param name="DeviceId">On which device; -1 when unknown.</param>
/// <param name="StreamId">In which stream (<see cref="NpuStream.Id"/>); 0xFFFFFFFF for a fault of the whole device.</param>
/// <param name="TaskId">Which task of the stream, counted by the library.</param>
/// <param name="ThreadId">The system's id of the thread that submitted it.</param>
public readonly record struct TaskFailure(AclError Code, int DeviceId, uint StreamId, uint TaskId, uint ThreadId);

/// <summary>What the library knows of an address.</summary>
/// <param name="Type">Host memory that it may copy asynchronously, device memory, or anything else.</param>
/// <param name="DeviceId">Whose memory it is, for device memory.</param>
/// <param name="PageBytes">Size of its pages.</param>
public readonly record struct PointerInfo(aclrtMemLocationType Type, int DeviceId, int PageBytes);
