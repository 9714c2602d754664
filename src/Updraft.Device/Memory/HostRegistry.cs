namespace Updraft.Device;

/// <summary>Host memory the program has registered: pinned from then on. Reading costs one load while nothing is registered.</summary>
internal static class HostRegistry
{
    internal readonly record struct Range(nuint Start, nuint Bytes, bool IsMapped)
    {
        internal bool Contains(nuint address) => address - Start < Bytes;
    }

    private static readonly Lock s_lock = new();
    private static Range[] s_ranges = []; // sorted by start, replaced as a whole

    internal static bool TryFind(nuint address, out Range range)
    {
        Range[] ranges = Volatile.Read(ref s_ranges);
        int low = 0, high = ranges.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (ranges[middle].Start <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        range = low > 0 ? ranges[low - 1] : default;
        return low > 0 && range.Contains(address);
    }

    // Compared by distance: the end of a range may be the end of the address space.
    internal static bool Overlaps(nuint start, nuint bytes) => Volatile.Read(ref s_ranges).Any(other => start - other.Start < other.Bytes || other.Start - start < bytes);

    /// <summary>False when the range overlaps one that is registered already.</summary>
    internal static bool TryAdd(Range range)
    {
        lock (s_lock)
        {
            if (Overlaps(range.Start, range.Bytes))
            {
                return false;
            }
            Volatile.Write(ref s_ranges, [.. s_ranges.Append(range).OrderBy(item => item.Start)]);
            return true;
        }
    }

    /// <summary>False when no registered range begins at the address.</summary>
    internal static bool TryRemove(nuint start)
    {
        lock (s_lock)
        {
            Range[] rest = [.. s_ranges.Where(range => range.Start != start)];
            if (rest.Length == s_ranges.Length)
            {
                return false;
            }
            Volatile.Write(ref s_ranges, rest);
            return true;
        }
    }

    internal static void Clear() => s_ranges = [];
}
