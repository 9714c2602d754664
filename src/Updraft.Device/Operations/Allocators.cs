using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// The program's own allocator for a stream: remembered and given back. Whoever runs operators on the stream asks for it; nothing in this
/// library allocates on its own behalf, so nothing here calls it.
/// </summary>
internal static unsafe class Allocators
{
    /// <summary>What was described at the moment of the registration; later changes of the description do not count.</summary>
    private sealed record Registration(nint Handle, nint Allocator, nint Allocate, nint Free, nint AllocateAdvised, nint AddressOfBlock);

    private static readonly ConditionalWeakTable<Stream, Registration> s_registered = [];

    internal static void Register(StreamHandle streamHandle, ObjectHandle allocatorDesc)
    {
        Stream stream = Get(streamHandle);
        AllocatorDescription description = DataObjects.GetAllocator(allocatorDesc);
        Check.That(description.Allocator != 0 && description.Allocate != 0 && description.Free != 0 && description.AddressOfBlock != 0, AclError.InvalidParam,
            "The description is not complete: the allocator and its functions for taking, freeing and for the address of a block are needed.");
        s_registered.AddOrUpdate(stream, new Registration(allocatorDesc.Value, description.Allocator, description.Allocate, description.Free, description.AllocateAdvised, description.AddressOfBlock));
    }

    internal static void GetByStream(StreamHandle streamHandle, nint* allocatorDesc, nint* allocator, nint* allocFunc, nint* freeFunc, nint* allocAdviseFunc, nint* getAddrFromBlockFunc)
    {
        Stream stream = Get(streamHandle);
        Check.NotNull(allocatorDesc, nameof(allocatorDesc));
        Check.NotNull(allocator, nameof(allocator));
        Check.NotNull(allocFunc, nameof(allocFunc));
        Check.NotNull(freeFunc, nameof(freeFunc));
        Check.NotNull(allocAdviseFunc, nameof(allocAdviseFunc));
        Check.NotNull(getAddrFromBlockFunc, nameof(getAddrFromBlockFunc));
        Check.That(s_registered.TryGetValue(stream, out Registration? found), AclError.InvalidParam, $"No allocator is registered for stream {stream.Id}; call aclrtAllocatorRegister first.");
        (*allocatorDesc, *allocator, *allocFunc, *freeFunc, *allocAdviseFunc, *getAddrFromBlockFunc) = (found.Handle, found.Allocator, found.Allocate, found.Free, found.AllocateAdvised, found.AddressOfBlock);
    }

    internal static void Unregister(StreamHandle streamHandle)
    {
        Stream stream = Get(streamHandle);
        Check.That(s_registered.Remove(stream), AclError.InvalidParam, $"No allocator is registered for stream {stream.Id}.");
    }

    private static Stream Get(StreamHandle handle) => handle.GetOrNull() ?? throw new AclException(AclError.InvalidParam, "stream is NULL; an allocator belongs to a stream of aclrtCreateStream.");
}
