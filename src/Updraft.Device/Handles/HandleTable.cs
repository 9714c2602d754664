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

    // No initialiser: the lookup on every call must not ask whether the class has been initialised.
    private static Slot[]? s_slots;

    /// <summary>What only the rare side needs: free slots, oldest first, and the lock of every change.</summary>
    private static class Unused
    {
        internal static readonly Queue<int> Free = new();
        internal static readonly Lock Lock = new();

        /// <summary>Slots ever used; slot 0 stays empty.</summary>
        internal static int Count = 1;
    }

    internal static nint Add(HandleKind kind, object target)
    {
        lock (Unused.Lock)
        {
            Slot[] slots = s_slots ??= new Slot[64];
            Queue<int> free = Unused.Free;
            // Young slots first: an old handle stays recognisable as long as possible.
            if (Unused.Count == slots.Length && (free.Count < Unused.Count / 2 || free.Count == 0))
            {
                Check.That(Unused.Count < MaximumSlots || free.Count > 0, AclError.RtResourceAllocFail, $"All {MaximumSlots} handles are in use; destroy streams, events or notifies first.");
                if (Unused.Count < MaximumSlots)
                {
                    Array.Resize(ref slots, slots.Length * 2);
                    Volatile.Write(ref s_slots, slots);
                }
            }
            int index = Unused.Count < slots.Length ? Unused.Count++ : free.Dequeue();
            ref Slot slot = ref slots[index];
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
        Slot[]? slots = s_slots;
        nint index = (handle >> AlignmentBits) & (MaximumSlots - 1);
        if (slots != null && index < slots.Length && slots[index].Handle == handle && slots[index].Target is T found)
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
        lock (Unused.Lock)
        {
            Slot[] slots = s_slots ?? [];
            nint index = (handle >> AlignmentBits) & (MaximumSlots - 1);
            if (index >= slots.Length || handle == 0 || slots[index].Handle != handle)
            {
                return false;
            }
            slots[index].Handle = 0;
            slots[index].Target = null;
            Unused.Free.Enqueue((int)index);
            return true;
        }
    }

    /// <summary>What a rejected handle looks like, for the message of 107017.</summary>
    internal static string Describe(nint handle, string expected)
    {
        var kind = (HandleKind)((handle >> KindShift) & 0xff);
        nint index = (handle >> AlignmentBits) & (MaximumSlots - 1);
        Slot[] slots = s_slots ?? [];
        if (index > 0 && index < slots.Length && slots[index].Handle == handle)
        {
            return $"0x{handle:x} is a handle of a {kind.ToString().ToLowerInvariant()}, not of a {expected}.";
        }
        return handle >> (KindShift + 8) == 0 && kind is > HandleKind.None and <= HandleKind.Object && index < slots.Length
            ? $"0x{handle:x} was a {kind.ToString().ToLowerInvariant()} that has been destroyed."
            : $"0x{handle:x} was never a {expected}.";
    }
}
