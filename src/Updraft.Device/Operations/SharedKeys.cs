using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>
/// What processes share, as C sees it: memory, notifies and events by key, physical memory by shareable handle. The checks and their
/// order; <see cref="Sharing"/> does the rest.
/// </summary>
internal static unsafe class SharedKeys
{
    /// <summary>An allocation whose bytes lie in a file, because it was exported at least once.</summary>
    private sealed class ExportedMemory(int file)
    {
        internal readonly int File = file;
        internal readonly List<SharedItem> Items = [];
    }

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<nuint, ExportedMemory> s_exported = [];
    private static readonly Dictionary<SharedKey, Queue<nuint>> s_imported = [];
    private static bool s_any;

    // --- Memory by key ---------------------------------------------------------------------------------------------------------------

    internal static void ExportMemory(void* devPtr, nuint size, byte* key, nuint length, ulong flags)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        Check.NotNull(key, nameof(key));
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; export at least one byte.");
        Check.That(length > 0, AclError.RtParamInvalid, "len is 0; the key needs 65 bytes.");
        Check.That(flags <= 1, AclError.RtParamInvalid, $"flags is {flags}; expected 0 or 1 (every process may import).");
        _ = Current.Context;
        CheckChip(Function.aclrtIpcMemGetExportKey, isStored: false);
        CheckLength(length);
        var address = (nuint)devPtr;
        Check.That(AddressSpace.IsDevice(address), AclError.RtParamInvalid, $"{Place.Describe(devPtr)} cannot be exported by key; it takes memory of aclrtMalloc.");
        Device device = Machine.Devices[AddressSpace.DeviceOf(address)];
        Allocation* allocation = device.Memory.Find(address);
        Check.That(allocation != null && allocation->Address == address && allocation->State == AllocationState.Live, AclError.RtParamInvalid, $"{Place.Describe(devPtr)} is not the start of live device memory.");
        Check.That(size <= allocation->Bytes, AclError.RtParamInvalid, $"size ({size} bytes) is more than the allocation has ({allocation->Requested} bytes).");
        nuint bytes = device.Memory.OwnedBytes(allocation);
        Check.That(bytes != 0, AclError.RtParamInvalid, $"{Place.Describe(devPtr)} shares its pages with other allocations; memory of more than 1 MiB, or with huge pages, has pages of its own and can be exported.");
        bool isAtomic = SharedMemory.MovesAtomically();
        if (!isAtomic)
        {
            SharedMemory.Drain();
        }
        lock (s_lock)
        {
            if (!s_exported.TryGetValue(address, out ExportedMemory? exported))
            {
                exported = new ExportedMemory(SharedMemory.CreateFile(bytes));
                bool isShared = false;
                try
                {
                    isShared = device.Memory.Share(address, exported.File, isAtomic);
                }
                finally
                {
                    if (!isShared)
                    {
                        _ = Posix.close(exported.File);
                    }
                }
                Check.That(isShared, AclError.RtParamInvalid, $"{Place.Describe(devPtr)} was freed during the call.");
                s_exported.Add(address, exported);
                s_any = true;
            }
            nuint touchable = size == allocation->Requested ? allocation->Bytes : size;
            var payload = new SharedPayload { Bytes = touchable, PhysicalDevice = device.PhysicalId };
            payload.Properties.memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE;
            payload.Properties.location.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE;
            SharedItem item = Sharing.Export(SharedKind.Memory, exported.File, payload, flags == 1);
            exported.Items.Add(item);
            Write(item.Key, key);
        }
    }

    internal static void AllowMemory(byte* key, int* pid, nuint count)
    {
        Check.NotNull(key, nameof(key));
        Check.NotNull(pid, nameof(pid));
        Check.That((int)count > 0, AclError.RtParamInvalid, $"num is {(int)count}; list at least one process.");
        Sharing.Allow(Sharing.Find(Read(key, SharedKind.Memory)), pid, count, "the key");
    }

    internal static void ImportMemory(void** devPtr, byte* key, ulong flags)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        Check.NotNull(key, nameof(key));
        Check.That(flags <= 1, AclError.RtParamInvalid, $"flags is {flags}; expected 0 or 1 (with peer access).");
        Device current = Current.Device;
        CheckChip(Function.aclrtIpcMemImportByKey, isStored: false);
        SharedKey name = Read(key, SharedKind.Memory);
        int file = Sharing.Open(name, out SharedPayload payload);
        Device owner = Sharing.Local(payload.PhysicalDevice);
        payload.Properties.location.id = (uint)owner.Id;
        PhysicalMemory memory = PhysicalMemory.Import(file, (nuint)payload.Bytes, payload.Properties);
        memory.AddUser();
        try
        {
            nuint start = VirtualMemory.Reserve(memory.Bytes, AddressSpace.ChunkBytes, 0);
            Check.That(start != 0, AclError.RtMemoryAllocation, $"The window of virtual addresses has no room for {memory.Bytes} bytes.");
            if (VirtualMemory.Map(start, memory.Bytes, memory, isAccessible: true, isImport: true) is { } reason)
            {
                VirtualMemory.Release(start);
                Check.Fail(AclError.RtMemoryAllocation, $"The memory cannot be mapped: {reason}.");
            }
            lock (s_lock)
            {
                ref Queue<nuint>? imports = ref CollectionsMarshal.GetValueRefOrAddDefault(s_imported, name, out _);
                (imports ??= new()).Enqueue(start);
            }
            if (flags == 1 && owner != current)
            {
                current.SetPeer(owner.Id, true);
            }
            Machine.Observer?.Allocated(start, memory.Bytes, owner.Id);
            *devPtr = (void*)start;
        }
        finally
        {
            memory.RemoveUser();
        }
    }

    /// <summary>The oldest import of the key in this process; if there is none, the export.</summary>
    internal static void CloseMemory(byte* key)
    {
        Check.NotNull(key, nameof(key));
        CheckChip(Function.aclrtIpcMemClose, isStored: true);
        _ = Current.Context;
        SharedKey name = Read(key, SharedKind.Memory);
        nuint start = 0;
        lock (s_lock)
        {
            if (s_imported.TryGetValue(name, out Queue<nuint>? imports))
            {
                start = imports.Dequeue();
                if (imports.Count == 0)
                {
                    s_imported.Remove(name);
                }
            }
            else
            {
                SharedItem? item = Sharing.Find(name);
                Check.That(item != null, AclError.RtParamInvalid, "This process has neither imported nor exported the key, or has closed it already.");
                Sharing.Withdraw(item);
                return;
            }
        }
        int device = VirtualMemory.Find(start) is { } mapping ? mapping.Memory.DeviceId : 0;
        VirtualMemory.Unmap(start, isImport: true);
        Machine.Observer?.Freed(start, device);
    }

    internal static void SetMemoryLink(byte* key, aclrtIpcMemAttrType type, ulong link)
    {
        Check.NotNull(key, nameof(key), AclError.RtParamInvalid);
        Check.That(type == 0, AclError.RtParamInvalid, $"type is {(int)type}; expected ACL_RT_IPC_MEM_ATTR_ACCESS_LINK (0).");
        Check.That(link <= 3, AclError.RtParamInvalid, $"attr is {link}; expected a link, 0 to 3.");
        SharedKey name = Read(key, SharedKind.Memory);
        lock (s_lock)
        {
            Check.That(s_imported.ContainsKey(name) || Sharing.Find(name) != null, AclError.RtParamInvalid, "This process has neither imported nor exported the key.");
        }
        CheckLink(link);
    }

    /// <summary>The last two kinds of links need UB ports.</summary>
    internal static void CheckLink(ulong link) =>
        Check.That(link <= 1 || Chip.Current.HostLink == AclConstants.ACL_HOST_DEVICE_CONNECT_TYPE_UB, AclError.RtLinkTypeNotSupported, $"{Chip.Current.Name} has no UB ports; its links are SIO (0) and HCCS (1).");

    /// <summary>Processes of other servers. Those of this machine are listed, whatever number their server was given.</summary>
    internal static void AllowMemoryOfServers(byte* key, aclrtServerPid* serverPids, nuint count)
    {
        Check.NotNull(key, nameof(key));
        AllowServers(Sharing.Find(Read(key, SharedKind.Memory)), serverPids, count, "the key");
    }

    private static void AllowServers(SharedItem? item, aclrtServerPid* serverPids, nuint count, string what)
    {
        Check.NotNull(serverPids, nameof(serverPids));
        Check.That(count > 0, AclError.RtParamInvalid, "num is 0; list at least one server.");
        for (nuint index = 0; index < count; index++)
        {
            Check.That(serverPids[index].pid != null && serverPids[index].num > 0, AclError.RtParamInvalid, $"serverPids[{index}] lists no process.");
            Sharing.Allow(item, serverPids[index].pid, serverPids[index].num, what);
        }
    }

    // --- Physical memory by handle ---------------------------------------------------------------------------------------------------

    internal static void ExportPhysical(PhysicalHandle handle, aclrtMemHandleType handleType, ulong flags, ulong* shareableHandle)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "handle is NULL; give a handle of aclrtMallocPhysical.");
        Check.That(handleType == aclrtMemHandleType.ACL_MEM_HANDLE_TYPE_NONE, AclError.InvalidParam, $"handleType is {(int)handleType}; expected ACL_MEM_HANDLE_TYPE_NONE (0).");
        Check.NotNull(shareableHandle, nameof(shareableHandle));
        *shareableHandle = Number(Export(handle, flags));
    }

    internal static void ExportPhysicalV2(PhysicalHandle handle, ulong flags, aclrtMemSharedHandleType shareType, void* shareableHandle)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "handle is NULL; give a handle of aclrtMallocPhysical.");
        Check.NotNull(shareableHandle, nameof(shareableHandle));
        CheckType(shareType);
        SharedItem item = Export(handle, flags);
        if (shareType == aclrtMemSharedHandleType.ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT)
        {
            *(ulong*)shareableHandle = Number(item);
            return;
        }
        new Span<byte>(shareableHandle, sizeof(aclrtMemFabricHandle)).Clear();
        Write(item.Key, (byte*)shareableHandle);
    }

    private static SharedItem Export(PhysicalHandle handle, ulong flags)
    {
        Check.That(flags <= 1, AclError.RtParamInvalid, $"flags is {flags}; expected 0 or 1 (every process may import).");
        PhysicalMemory memory = handle.Get();
        Check.That(!memory.IsImported, AclError.RtParamInvalid, "The memory belongs to another process; only its owner exports it.");
        lock (s_lock)
        {
            Check.That(memory.Item == null, AclError.RtParamInvalid, "The memory was exported already; one piece of physical memory has one shareable handle.");
            var payload = new SharedPayload { Bytes = memory.Bytes, PhysicalDevice = memory.IsOnHost ? 0 : Machine.Devices[memory.DeviceId].PhysicalId, Properties = memory.Properties };
            return memory.Item = Sharing.Export(SharedKind.Physical, memory.File, payload, flags == 1);
        }
    }

    internal static void ImportPhysical(ulong shareableHandle, int deviceId, nint* handle)
    {
        Check.NotNull(handle, nameof(handle));
        _ = Current.DeviceById(deviceId);
        *handle = Import(OfNumber(shareableHandle));
    }

    internal static void ImportPhysicalV2(void* shareableHandle, aclrtMemSharedHandleType shareType, ulong flags, nint* handle)
    {
        Check.NotNull(shareableHandle, nameof(shareableHandle));
        Check.NotNull(handle, nameof(handle));
        Check.That(flags == 0, AclError.InvalidParam, $"flags is {flags}; it is reserved and must be 0.");
        _ = Current.Context;
        CheckType(shareType);
        *handle = Import(OfShareable(shareableHandle, shareType));
    }

    private static nint Import(SharedKey key)
    {
        Check.That(key.ProcessId != Environment.ProcessId || key.Machine != SharedKey.ThisMachine, AclError.RtParamInvalid, "This process exported the memory itself; it has a handle already.");
        int file = Sharing.Open(key, out SharedPayload payload);
        if (payload.Properties.location.type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE)
        {
            payload.Properties.location.id = (uint)Sharing.Local(payload.PhysicalDevice).Id;
        }
        PhysicalMemory memory = PhysicalMemory.Import(file, (nuint)payload.Bytes, payload.Properties);
        nint handle = memory.Retain();
        VirtualMemory.Remember(memory);
        return handle;
    }

    internal static void AllowPhysical(ulong shareableHandle, int* pid, nuint count)
    {
        Check.NotNull(pid, nameof(pid));
        Check.That(count > 0, AclError.InvalidParam, "pidNum is 0; list at least one process.");
        Sharing.Allow(Sharing.Find(OfNumber(shareableHandle)), pid, count, "the shareable handle");
    }

    internal static void AllowPhysicalV2(void* shareableHandle, aclrtMemSharedHandleType shareType, int* pid, nuint count)
    {
        Check.NotNull(shareableHandle, nameof(shareableHandle));
        Check.NotNull(pid, nameof(pid));
        Check.That(count > 0, AclError.InvalidParam, "pidNum is 0; list at least one process.");
        CheckType(shareType);
        Sharing.Allow(Sharing.Find(OfShareable(shareableHandle, shareType)), pid, count, "the shareable handle");
    }

    private static void CheckType(aclrtMemSharedHandleType type) =>
        Check.That(type is aclrtMemSharedHandleType.ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT or aclrtMemSharedHandleType.ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, AclError.RtParamInvalid, $"shareType is {(int)type}; expected default (1) or fabric (2).");

    private static SharedKey OfShareable(void* shareableHandle, aclrtMemSharedHandleType type) => type == aclrtMemSharedHandleType.ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT
        ? OfNumber(*(ulong*)shareableHandle)
        : SharedKey.TryParse(new ReadOnlySpan<byte>(shareableHandle, SharedKey.TextLength), SharedKind.Physical, out SharedKey key) ? key
        : throw new AclException(AclError.RtParamInvalid, "This is no fabric handle of aclrtMemExportToShareableHandleV2.");

    /// <summary>The process and the short id in one number.</summary>
    private static ulong Number(SharedItem item) => (ulong)(uint)Environment.ProcessId << 32 | item.Id;

    private static SharedKey OfNumber(ulong number)
    {
        Check.That((int)(number >> 32) > 0 && (uint)number != 0, AclError.RtParamInvalid, $"0x{number:x} is no shareable handle.");
        return new SharedKey(SharedKind.Physical, (int)(number >> 32), (uint)number, SharedKey.ThisMachine);
    }

    // --- Notifies and events ---------------------------------------------------------------------------------------------------------

    internal static void ExportNotify(NotifyHandle handle, byte* key, nuint length, ulong flags)
    {
        Notify notify = Notifies.Get(handle);
        Check.NotNull(key, nameof(key));
        CheckLength(length);
        Check.That(flags is 0 or 2, AclError.RtParamInvalid, $"flags is {flags}; expected 0 or 2 (every process may import).");
        _ = Current.Context;
        Check.That(!notify.IsImported, AclError.RtParamInvalid, "The notify belongs to another process; only its owner exports it.");
        lock (s_lock)
        {
            notify.Item ??= Sharing.Export(SharedKind.Notify, notify.Share().File, new SharedPayload { PhysicalDevice = notify.Device.PhysicalId, Number = notify.Id }, flags == 2);
            Check.That(notify.Item.IsOpenToAll == (flags == 2), AclError.RtNoPermission, "The notify was exported before with the other rule for who may import it.");
            Write(notify.Item.Key, key);
        }
    }

    internal static void ImportNotify(nint* handle, byte* key, ulong flags)
    {
        Check.NotNull(handle, "notify");
        Check.NotNull(key, nameof(key));
        Check.That(flags is 0 or 2, AclError.RtParamInvalid, $"flags is {flags}; expected 0 or 2 (with peer access).");
        Device current = Current.Device;
        int file = Sharing.Open(Read(key, SharedKind.Notify), out SharedPayload payload);
        Device owner = Sharing.Local(payload.PhysicalDevice);
        if (flags == 2 && owner != current)
        {
            current.SetPeer(owner.Id, true);
        }
        *handle = HandleTable.Add(HandleKind.Notify, new Notify(owner, payload.Number, new SharedPage(file)));
    }

    internal static void AllowNotify(NotifyHandle handle, int* pid, nuint count)
    {
        Notify notify = Notifies.Get(handle);
        Check.NotNull(pid, nameof(pid));
        Check.That((int)count > 0, AclError.RtParamInvalid, $"num is {(int)count}; list at least one process.");
        Sharing.Allow(notify.Item, pid, count, "the notify");
    }

    internal static void AllowNotifyOfServers(NotifyHandle handle, aclrtServerPid* serverPids, nuint count) => AllowServers(Notifies.Get(handle).Item, serverPids, count, "the notify");

    internal static void ExportEvent(EventHandle handle, aclrtIpcEventHandle* target)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "event is NULL; give an event.");
        Check.NotNull(target, "handle");
        Event exported = handle.Get();
        Check.That(exported.Shared != null, AclError.RtParamInvalid, "The event was not created with ACL_EVENT_IPC; other processes cannot use it.");
        lock (s_lock)
        {
            exported.Shared.Item ??= Sharing.Export(SharedKind.Event, exported.Shared.File, default, isOpenToAll: true);
            Write(exported.Shared.Item.Key, (byte*)target, isTerminated: false);
        }
    }

    internal static void ImportEvent(aclrtIpcEventHandle source, nint* handle)
    {
        Check.NotNull(handle, "event");
        Context context = Current.Context;
        Check.That(SharedKey.TryParse(new ReadOnlySpan<byte>(&source, SharedKey.TextLength), SharedKind.Event, out SharedKey key), AclError.RtParamInvalid, "This is no handle of aclrtIpcGetEventHandle.");
        int file = Sharing.Open(key, out _);
        var imported = new Event(context, EventKind.Snapshot, Event.Ipc) { Shared = new SharedEvent(new SharedPage(file)) };
        *handle = imported.Handle = HandleTable.Add(HandleKind.Event, imported);
    }

    // --- Keys ------------------------------------------------------------------------------------------------------------------------

    private static void CheckLength(nuint length) => Check.That(length > SharedKey.TextLength, AclError.RtParamInvalid, $"len is {length}; the key needs {SharedKey.TextLength + 1} bytes.");

    private static void CheckChip(Function function, bool isStored)
    {
        if (!Chip.Supports(function))
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} does not share memory between processes.", isStored);
        }
    }

    private static void Write(SharedKey key, byte* target, bool isTerminated = true)
    {
        System.Text.Encoding.ASCII.GetBytes(key.ToString(), new Span<byte>(target, SharedKey.TextLength));
        if (isTerminated)
        {
            target[SharedKey.TextLength] = 0;
        }
    }

    private static SharedKey Read(byte* key, SharedKind kind)
    {
        // Never behind the end of a short one.
        int length = 0;
        while (length <= SharedKey.TextLength && key[length] != 0)
        {
            length++;
        }
        Check.That(SharedKey.TryParse(new ReadOnlySpan<byte>(key, length), kind, out SharedKey parsed), AclError.RtParamInvalid, $"This is no key of {(kind == SharedKind.Memory ? "aclrtIpcMemGetExportKey" : "aclrtNotifyGetExportKey")}: {SharedKey.TextLength} characters are expected, {length} were given, or they are others.");
        return parsed;
    }

    // --- Ends ------------------------------------------------------------------------------------------------------------------------

    /// <summary>The memory was freed: nobody can import it any more. Who has it keeps it.</summary>
    internal static void Freed(nuint address)
    {
        if (!s_any)
        {
            return;
        }
        lock (s_lock)
        {
            if (s_exported.Remove(address, out ExportedMemory? exported))
            {
                End(exported);
            }
        }
    }

    private static void End(ExportedMemory exported)
    {
        foreach (SharedItem item in exported.Items)
        {
            Sharing.Withdraw(item);
        }
        _ = Posix.close(exported.File);
    }

    internal static void Destroyed(Notify notify)
    {
        if (notify.Item != null)
        {
            Sharing.Withdraw(notify.Item);
        }
    }

    internal static void Destroyed(Event destroyed)
    {
        if (destroyed.Shared?.Item != null)
        {
            Sharing.Withdraw(destroyed.Shared.Item);
        }
    }

    /// <summary>The device was reset: its memory is gone.</summary>
    internal static void Forget(Device device)
    {
        lock (s_lock)
        {
            foreach (nuint address in s_exported.Keys.Where(address => AddressSpace.DeviceOf(address) == device.Id).ToArray())
            {
                s_exported.Remove(address, out ExportedMemory? exported);
                End(exported!);
            }
        }
    }

    internal static void Clear()
    {
        lock (s_lock)
        {
            foreach (ExportedMemory exported in s_exported.Values)
            {
                End(exported);
            }
            s_exported.Clear();
            s_imported.Clear();
            s_any = false;
        }
        Sharing.Clear();
    }
}
