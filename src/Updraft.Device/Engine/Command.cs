using System.Runtime.InteropServices;

namespace Updraft.Device;

internal enum CommandKind : byte
{
    /// <summary>Nothing to do: keeps a place in the stream.</summary>
    Marker,

    /// <summary>Bytes from B to A, C of them; both are backing addresses that were looked up when the command was queued.</summary>
    Copy,

    /// <summary>As Copy, with at least one host address that is not ours and may have been unmapped.</summary>
    CopyGuarded,

    /// <summary>C bytes at A filled with the low byte of B.</summary>
    Fill,

    /// <summary>C elements of 4 bytes at A filled with the low 32 bits of B.</summary>
    Fill32,

    /// <summary>The number B, 64 bits, written at A.</summary>
    Write64,

    /// <summary>A rectangle from B to A; the object is a <see cref="Rectangle"/>. C is the number of bytes.</summary>
    Copy2D,

    /// <summary>As Copy2D, with at least one host address that is not ours and may have been unmapped.</summary>
    Copy2DGuarded,

    /// <summary>The object is a <see cref="BatchElements"/>: copies without an order among themselves, of C bytes together.</summary>
    CopyBatch,

    /// <summary>The object is a <see cref="RecordPoint"/>.</summary>
    EventRecord,
    EventWait,
    EventReset,

    /// <summary>Calls the function A with the argument B on the context's callback thread; the stream stands still meanwhile.</summary>
    HostFunction,

    /// <summary>
    /// A cache operation of type C (aclrtCmoType) on B bytes at A: no effect on data, as caches of the emulated device are those of the
    /// host. The object, if any, is the <see cref="CacheInvalidation"/> that others may wait for.
    /// </summary>
    CacheOperation,

    /// <summary>The object is a <see cref="DeviceTask"/> that knows what to do: rare commands need no kind of their own.</summary>
    Task,

    /// <summary>Fails with <see cref="Command.Failure"/>: the fault was already certain when the command was queued. The object is a string, why.</summary>
    Fault,
}

/// <summary>
/// One entry of a stream's queue: a value, so that queueing it allocates nothing, and half a cache line, because what a small copy costs
/// is above all the way of its command from one core to the other.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct Command
{
    internal CommandKind Kind;
    internal bool HasObject;

    /// <summary>Of a recorded command: memory it uses was freed, so it fails with 507013 until there is memory again.</summary>
    internal bool UsesFreedMemory;
    internal int ThreadId;
    internal nuint A, B, C;

    /// <summary>Where <see cref="HasObject"/> and <see cref="UsesFreedMemory"/> stand in the first eight bytes.</summary>
    internal const ulong HasObjectBit = 1 << 8, UsesFreedMemoryBit = 1 << 16;

    /// <summary>The code of a <see cref="CommandKind.Fault"/>.</summary>
    internal AclError Failure
    {
        readonly get => (AclError)A;
        set => A = (nuint)(int)value;
    }
}

/// <summary>The shape of a copy of rows: width in bytes, number of rows, bytes from one row to the next on both sides.</summary>
internal sealed record Rectangle(nuint Width, nuint Height, nuint ToPitch, nuint FromPitch)
{
    private static Rectangle? s_last;

    /// <summary>The same object for the same shape as last time: programs copy one shape again and again.</summary>
    internal static Rectangle Of(nuint width, nuint height, nuint toPitch, nuint fromPitch) =>
        s_last is { } last && last.Width == width && last.Height == height && last.ToPitch == toPitch && last.FromPitch == fromPitch
            ? last : s_last = new Rectangle(width, height, toPitch, fromPitch);
}

/// <summary>
/// A command with state of its own. Runs on the executing thread, possibly several times until it says that it is done: a stream may
/// be unblocked although nothing has changed.
/// </summary>
internal abstract class DeviceTask
{
    /// <summary>
    /// Does the work. False when the stream has to stand still: <see cref="Stream.MarkBlocked"/> was called, and whoever changes the
    /// cause calls <see cref="Stream.Unblock"/>.
    /// </summary>
    internal abstract bool Run(Stream stream, ref AclError result);

    /// <summary>The command is dropped instead: the stream was destroyed or aborted.</summary>
    internal virtual void Abandon(Stream stream) { }

    /// <summary>The task was recorded in a graph and is about to run once more: what its last run left behind is forgotten.</summary>
    internal virtual void Restart() { }

    /// <summary>False when memory whose address was looked up at submission has been freed since; asked before a recorded task runs again.</summary>
    internal virtual bool UsesLiveMemory => true;

    /// <summary>Why the task cannot be recorded; null for one that can.</summary>
    internal virtual string? NotInModels => null;

    /// <summary>What <c>aclmdlRITaskGetType</c> answers for it.</summary>
    internal virtual aclmdlRITaskType TaskType => aclmdlRITaskType.ACL_MODEL_RI_TASK_DEFAULT;
}

/// <summary>
/// The storage of a queue: commands in segments of 64, chained. A stream that has run dry keeps one segment; the others go back to a
/// pool, so a queue grows to what is pending and costs nothing when idle. Slots lie outside the managed heap, two to a cache line.
/// </summary>
internal sealed unsafe class CommandSegment
{
    internal const int Length = 64;

    internal readonly Command* Commands = (Command*)NativeMemory.AlignedAlloc(Length * (nuint)sizeof(Command), 64);

    /// <summary>The objects of those commands that have one; made at the first.</summary>
    internal object?[]? Objects;
    internal CommandSegment? Next;

    private const int MaximumPooled = 4096;
    private static readonly Lock s_lock = new();
    private static CommandSegment? s_pool;
    private static int s_pooled;

    ~CommandSegment() => NativeMemory.AlignedFree(Commands);

    internal static CommandSegment Rent()
    {
        lock (s_lock)
        {
            if (s_pool is { } segment)
            {
                s_pool = segment.Next;
                s_pooled--;
                segment.Next = null;
                return segment;
            }
        }
        return new CommandSegment();
    }

    internal static void Return(CommandSegment segment)
    {
        lock (s_lock)
        {
            segment.Next = null;
            if (s_pooled < MaximumPooled)
            {
                segment.Next = s_pool;
                s_pool = segment;
                s_pooled++;
            }
        }
    }
}
