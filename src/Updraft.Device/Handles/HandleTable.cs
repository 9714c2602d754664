using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>The kinds of objects a program holds by handle.</summary>
internal enum HandleKind : byte
{
    None, Context, Stream, Event, Notify, CntNotify, Label, LabelList, Model, CaptureTask, TaskGroup, ConditionHandle,
    PhysicalMemory, MemoryPool, Object,
}

/// <summary>
/// Handles are checked, never trusted. A handle is a number of the form kind | generation | index; the slot at the index must hold
/// exactly this number, so a destroyed handle, one of another kind or a stray pointer is told apart from a live one in three loads.
/// A slot is reused only after all others that were freed before it, with the next generation.
/// </summary>
/// <example><code>nint handle = HandleTable.Add(HandleKind.Stream, stream); … HandleTable.TryGet(handle, out Stream? same)</code></example>
internal static class HandleTable
{
    private const int AlignmentBits = 4, IndexBits = 22, GenerationBits = 16;
    private const int GenerationShift = AlignmentBits + IndexBits, KindShift = GenerationShift + GenerationBits;
    private const int MaximumSlots = 1 << IndexBits;

    private struct Slot
    {
        internal nint Handle;
        internal object? Target;
        internal ushort Generation;
    }

    private static Slot[] s_slots = new Slot[64];
    private static readonly Queue<int> s_free = new();
    private static readonly Lock s_lock = new();
    private static int s_used = 1;

    internal static nint Add(HandleKind kind, object target)
    {
        lock (s_lock)
        {
            // Young slots first: an old handle stays recognisable as long as possible.
            if (s_used == s_slots.Length && (s_free.Count < s_used / 2 || s_free.Count == 0))
            {
                Check.That(s_used < MaximumSlots || s_free.Count > 0, AclError.RtResourceAllocFail, $"All {MaximumSlots} handles are in use; destroy streams, events or notifies first.");
                if (s_used < MaximumSlots)
                {
                    Array.Resize(ref s_slots, s_slots.Length * 2);
                }
            }
            int index = s_used < s_slots.Length ? s_used++ : s_free.Dequeue();
            ref Slot slot = ref s_slots[index];
            slot.Generation++;
            slot.Target = target;
            nint handle = ((nint)kind << KindShift) | ((nint)slot.Generation << GenerationShift) | ((nint)index << AlignmentBits);
            Volatile.Write(ref slot.Handle, handle);
            return handle;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryGet<T>(nint handle, [NotNullWhen(true)] out T? target) where T : class
    {
        Slot[] slots = s_slots;
        nint index = (handle >> AlignmentBits) & (MaximumSlots - 1);
        if (index < slots.Length && slots[index].Handle == handle && slots[index].Target is T found)
        {
            target = found;
            return true;
        }
        target = null;
        return false;
    }

    /// <summary>Forgets the handle. False when somebody else already did: exactly one of two destroyers wins.</summary>
    internal static bool Remove(nint handle)
    {
        lock (s_lock)
        {
            nint index = (handle >> AlignmentBits) & (MaximumSlots - 1);
            if (index >= s_slots.Length || handle == 0 || s_slots[index].Handle != handle)
            {
                return false;
            }
            s_slots[index].Handle = 0;
            s_slots[index].Target = null;
            s_free.Enqueue((int)index);
            return true;
        }
    }

    /// <summary>What a rejected handle looks like, for the message of 107017.</summary>
    internal static string Describe(nint handle, string expected)
    {
        var kind = (HandleKind)((handle >> KindShift) & 0xff);
        nint index = (handle >> AlignmentBits) & (MaximumSlots - 1);
        Slot[] slots = s_slots;
        if (index > 0 && index < slots.Length && slots[index].Handle == handle)
        {
            return $"0x{handle:x} is a handle of a {kind.ToString().ToLowerInvariant()}, not of a {expected}.";
        }
        return handle >> (KindShift + 8) == 0 && kind is > HandleKind.None and <= HandleKind.Object && index < slots.Length
            ? $"0x{handle:x} was a {kind.ToString().ToLowerInvariant()} that has been destroyed."
            : $"0x{handle:x} was never a {expected}.";
    }
}
