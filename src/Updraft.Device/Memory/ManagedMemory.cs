namespace Updraft.Device;

/// <summary>Managed memory: one window that host and devices use under the same addresses. Reserved when the first program asks for it.</summary>
internal static unsafe class ManagedMemory
{
    private static readonly Lock s_lock = new();

    /// <summary>Null until the window is reserved; no address is managed before.</summary>
    internal static Arena? Arena { get; private set; }

    /// <summary>Null when the window cannot be reserved or is full.</summary>
    internal static Allocation* Allocate(nuint bytes, nuint requested)
    {
        lock (s_lock)
        {
            if (Arena == null)
            {
                if (!AddressSpace.ReserveManaged())
                {
                    return null;
                }
                Arena = new Arena(AddressSpace.ManagedBase, AddressSpace.ManagedBytes, 0, AddressSpace.ManagedChunks);
            }
        }
        Allocation* allocation = Arena.Allocate(bytes, requested, DeviceMemory.HugePage);
        if (allocation != null)
        {
            ManagedHints.Forget(allocation->Address);
        }
        return allocation;
    }

    internal static void Clear()
    {
        ManagedHints.Clear();
        Arena?.Dispose();
        Arena = null;
    }
}
