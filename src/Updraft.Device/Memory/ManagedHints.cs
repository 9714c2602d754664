namespace Updraft.Device;

/// <summary>Where a program wants managed memory to be, in the terms of the interface. The default is "nowhere in particular".</summary>
internal readonly record struct ManagedPlace(aclrtMemManagedLocationType Type, int Id)
{
    /// <summary>What stands for the host where a device number is expected.</summary>
    internal const int Host = -1;

    /// <summary>What stands for "none", and for "not the same everywhere".</summary>
    internal const int None = -2;

    /// <summary>As one number: a device, the host, or none.</summary>
    internal int Device => Type switch
    {
        aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_DEVICE => Id,
        aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_INVALID => None,
        _ => Host,
    };

    /// <summary>The number that belongs to the type: of a device or of a NUMA node.</summary>
    internal int Number => Type == aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_HOST_NUMA ? Id : Device;
}

/// <summary>What is known about a page of managed memory. Values: a change makes a new one.</summary>
internal readonly record struct ManagedHint(bool IsReadMostly, ManagedPlace Preferred, ManagedPlace LastPrefetch, int[]? AccessedBy)
{
    internal int[] Accessors => AccessedBy ?? [];
}

/// <summary>
/// Advice and prefetches of managed memory, page by page (2 MiB). All its pages are host memory here, so hints move nothing; they are
/// kept because programs read them back. Kept per allocation as runs: a key is the page from which on its value holds.
/// </summary>
internal static unsafe class ManagedHints
{
    private static readonly Lock s_lock = new();
    private static readonly Dictionary<nuint, SortedList<nuint, ManagedHint>> s_runs = [];

    /// <summary>Changes the hints of all pages that the range touches. False when it does not lie in one live allocation any more.</summary>
    internal static bool Change(nuint start, nuint bytes, Func<ManagedHint, ManagedHint> change, ulong? serial = null)
    {
        lock (s_lock)
        {
            Allocation* allocation = Find(start, bytes);
            if (allocation == null || serial is { } expected && allocation->Serial != expected)
            {
                return false;
            }
            if (!s_runs.TryGetValue(allocation->Address, out SortedList<nuint, ManagedHint>? runs))
            {
                s_runs.Add(allocation->Address, runs = new() { [0] = default });
            }
            (nuint first, nuint end) = Pages(allocation, start, bytes);
            Split(runs, first);
            Split(runs, end);
            for (int index = runs.IndexOfKey(first); index < runs.Count && runs.GetKeyAtIndex(index) < end; index++)
            {
                runs.SetValueAtIndex(index, change(runs.GetValueAtIndex(index)));
            }
            return true;
        }
    }

    /// <summary>The hints of all pages that the range touches, each different run once. Empty when the range does not lie in one live allocation.</summary>
    internal static ManagedHint[] Of(nuint start, nuint bytes)
    {
        lock (s_lock)
        {
            Allocation* allocation = Find(start, bytes);
            if (allocation == null)
            {
                return [];
            }
            if (!s_runs.TryGetValue(allocation->Address, out SortedList<nuint, ManagedHint>? runs))
            {
                return [default];
            }
            (nuint first, nuint end) = Pages(allocation, start, bytes);
            var hints = new List<ManagedHint>();
            for (int index = RunOf(runs, first); index < runs.Count && runs.GetKeyAtIndex(index) < end; index++)
            {
                hints.Add(runs.GetValueAtIndex(index));
            }
            return [.. hints];
        }
    }

    /// <summary>The allocation that holds the whole range; null when there is none.</summary>
    internal static Allocation* Find(nuint start, nuint bytes)
    {
        Allocation* allocation = ManagedMemory.Arena is { } arena ? arena.Find(start) : null;
        return allocation != null && allocation->Contains(start, bytes) ? allocation : null;
    }

    /// <summary>The memory that begins there has gone, or is new: nothing is known about it.</summary>
    internal static void Forget(nuint address)
    {
        lock (s_lock)
        {
            s_runs.Remove(address);
        }
    }

    internal static void Clear()
    {
        lock (s_lock)
        {
            s_runs.Clear();
        }
    }

    private static (nuint First, nuint End) Pages(Allocation* allocation, nuint start, nuint bytes)
    {
        nuint offset = start - allocation->Address;
        return (offset >> AddressSpace.ChunkShift, (offset + bytes - 1 >> AddressSpace.ChunkShift) + 1);
    }

    /// <summary>Index of the run that holds the page.</summary>
    private static int RunOf(SortedList<nuint, ManagedHint> runs, nuint page)
    {
        int low = 0, high = runs.Count;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = runs.GetKeyAtIndex(middle) <= page ? (middle, high) : (low, middle);
        }
        return low;
    }

    private static void Split(SortedList<nuint, ManagedHint> runs, nuint page) => runs.TryAdd(page, runs.GetValueAtIndex(RunOf(runs, page)));
}
