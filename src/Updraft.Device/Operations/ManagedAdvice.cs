namespace Updraft.Device;

/// <summary>Advice about managed memory, prefetches, and the questions about both.</summary>
internal static unsafe class ManagedAdvice
{
    private const aclrtMemManagedLocationType OnDevice = aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_DEVICE, OnHost = aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_HOST,
        OnNode = aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_HOST_NUMA, OnCurrentNode = aclrtMemManagedLocationType.ACL_MEM_LOCATIONTYPE_HOST_NUMA_CURRENT;

    internal static void Advise(void* ptr, ulong size, aclrtMemManagedAdviseType advise, aclrtMemManagedLocation location)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.That((int)advise is >= 0 and <= 5, AclError.InvalidParam, $"advise is {(int)advise}; expected ACL_MEM_ADVISE_SET_READ_MOSTLY (0) to ACL_MEM_ADVISE_UNSET_ACCESSED_BY (5).");
        // The others are for no place, so what stands there is not looked at.
        bool isForPlace = advise is aclrtMemManagedAdviseType.ACL_MEM_ADVISE_SET_PREFERRED_LOCATION or aclrtMemManagedAdviseType.ACL_MEM_ADVISE_SET_ACCESSED_BY or aclrtMemManagedAdviseType.ACL_MEM_ADVISE_UNSET_ACCESSED_BY;
        if (isForPlace)
        {
            CheckType(location.type, nameof(location));
        }
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one byte.");
        _ = Current.Context;
        _ = Find(ptr, (nuint)size, nameof(ptr));
        ManagedPlace place = isForPlace ? PlaceOf(location, nameof(location)) : default;
        int accessor = place.Device;
        if (!ManagedHints.Change((nuint)ptr, (nuint)size, advise switch
        {
            aclrtMemManagedAdviseType.ACL_MEM_ADVISE_SET_READ_MOSTLY => static hint => hint with { IsReadMostly = true },
            aclrtMemManagedAdviseType.ACL_MEM_ADVISE_UNSET_READ_MOSTLY => static hint => hint with { IsReadMostly = false },
            aclrtMemManagedAdviseType.ACL_MEM_ADVISE_SET_PREFERRED_LOCATION => hint => hint with { Preferred = place },
            aclrtMemManagedAdviseType.ACL_MEM_ADVISE_UNSET_PREFERRED_LOCATION => static hint => hint with { Preferred = default },
            aclrtMemManagedAdviseType.ACL_MEM_ADVISE_SET_ACCESSED_BY => hint => hint with { AccessedBy = [.. hint.Accessors.Append(accessor).Distinct().Order()] },
            _ => hint => hint with { AccessedBy = [.. hint.Accessors.Where(other => other != accessor)] },
        }))
        {
            throw NotManaged(ptr, (nuint)size, nameof(ptr));
        }
    }

    internal static void GetAttribute(aclrtMemManagedRangeAttribute attribute, void* ptr, nuint size, void* data, nuint dataSize)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.NotNull(data, nameof(data));
        CheckAttribute(attribute, nameof(attribute));
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one byte.");
        CheckRoom(attribute, data, dataSize, nameof(dataSize));
        Write(attribute, Hints(ptr, size), data, dataSize);
    }

    internal static void GetAttributes(aclrtMemManagedRangeAttribute* attributes, nuint count, void* ptr, nuint size, void** data, nuint* dataSizes)
    {
        Check.NotNull(attributes, nameof(attributes));
        Check.NotNull(ptr, nameof(ptr));
        Check.NotNull(data, nameof(data));
        Check.NotNull(dataSizes, nameof(dataSizes));
        Check.That(count > 0, AclError.InvalidParam, "numAttributes is 0; ask for at least one.");
        HostGuard.CheckArray(attributes, count, sizeof(aclrtMemManagedRangeAttribute), nameof(attributes));
        HostGuard.CheckArray(data, count, (nuint)sizeof(void*), nameof(data));
        HostGuard.CheckArray(dataSizes, count, (nuint)sizeof(nuint), nameof(dataSizes));
        // All are checked before the first is written.
        for (nuint index = 0; index < count; index++)
        {
            Check.NotNull(data[index], $"data[{index}]");
            CheckAttribute(attributes[index], $"attributes[{index}]");
        }
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one byte.");
        for (nuint index = 0; index < count; index++)
        {
            CheckRoom(attributes[index], data[index], dataSizes[index], $"dataSizes[{index}]");
        }
        ManagedHint[] hints = Hints(ptr, size);
        for (nuint index = 0; index < count; index++)
        {
            Write(attributes[index], hints, data[index], dataSizes[index]);
        }
    }

    internal static void Prefetch(void* ptr, nuint size, aclrtMemManagedLocation location, uint flags, StreamHandle handle)
    {
        Check.NotNull(ptr, nameof(ptr));
        CheckType(location.type, nameof(location));
        Check.That(flags == 0, AclError.InvalidParam, $"flags is {flags}; it is reserved and must be 0.");
        _ = handle.GetOrNull();
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one byte.");
        _ = Current.Context;
        ulong serial = Find(ptr, size, nameof(ptr));
        ManagedPlace place = PlaceOf(location, nameof(location));
        Current.Stream(handle).Submit(new Command { Kind = CommandKind.Task }, new PrefetchTask([new((nuint)ptr, size, serial, place)]));
    }

    /// <summary>Several ranges in one command. A location holds for the ranges from its index up to the next location's. All are checked before any is queued.</summary>
    internal static void PrefetchBatch(void** ptrs, nuint* sizes, nuint count, aclrtMemManagedLocation* locations, nuint* locationIndexes, nuint locationCount, ulong flags, StreamHandle handle)
    {
        Check.NotNull(ptrs, nameof(ptrs));
        Check.NotNull(sizes, nameof(sizes));
        Check.That(count > 0, AclError.InvalidParam, "count is 0; give at least one range.");
        Check.NotNull(locations, "prefetchLocs");
        Check.NotNull(locationIndexes, "prefetchLocIdxs");
        Check.That(flags == 0, AclError.InvalidParam, $"flags is {flags}; it is reserved and must be 0.");
        _ = handle.GetOrNull();
        Check.That(locationCount > 0 && locationCount <= count, AclError.RtParamInvalid, $"numPrefetchLocs is {locationCount}; expected 1 to {count}, the number of ranges.");
        HostGuard.CheckArray(ptrs, count, (nuint)sizeof(void*), nameof(ptrs));
        HostGuard.CheckArray(sizes, count, (nuint)sizeof(nuint), nameof(sizes));
        HostGuard.CheckArray(locations, locationCount, (nuint)sizeof(aclrtMemManagedLocation), "prefetchLocs");
        HostGuard.CheckArray(locationIndexes, locationCount, (nuint)sizeof(nuint), "prefetchLocIdxs");
        for (nuint index = 0; index < locationCount; index++)
        {
            nuint first = locationIndexes[index];
            Check.That(index == 0 ? first == 0 : first > locationIndexes[index - 1] && first < count, AclError.RtParamInvalid, $"prefetchLocIdxs[{index}] is {first}; they begin with 0, ascend and stay below {count}.");
            CheckType(locations[index].type, $"prefetchLocs[{index}]");
        }
        _ = Current.Context;
        var pieces = new List<PrefetchPiece>();
        nuint location = 0;
        for (nuint index = 0; index < count; index++)
        {
            if (location + 1 < locationCount && locationIndexes[location + 1] == index)
            {
                location++;
            }
            Check.NotNull(ptrs[index], $"ptrs[{index}]", AclError.RtParamInvalid);
            Check.That(sizes[index] > 0, AclError.RtParamInvalid, $"sizes[{index}] is 0; give at least one byte.");
            ulong serial = Find(ptrs[index], sizes[index], $"ptrs[{index}]");
            pieces.Add(new((nuint)ptrs[index], sizes[index], serial, PlaceOf(locations[location], $"prefetchLocs[{location}]")));
        }
        Current.Stream(handle).Submit(new Command { Kind = CommandKind.Task }, new PrefetchTask([.. pieces]));
    }

    private readonly record struct PrefetchPiece(nuint Start, nuint Bytes, ulong Serial, ManagedPlace Place);

    /// <summary>Remembers where the memory was wanted last. What was freed meanwhile is passed over.</summary>
    private sealed class PrefetchTask(PrefetchPiece[] pieces) : DeviceTask
    {
        internal override string? NotInModels => "A prefetch of managed memory cannot be part of a model; prefetch before the model is executed.";

        internal override bool Run(Stream stream, ref AclError result)
        {
            foreach (PrefetchPiece piece in pieces)
            {
                ManagedHints.Change(piece.Start, piece.Bytes, hint => hint with { LastPrefetch = piece.Place }, piece.Serial);
            }
            return true;
        }
    }

    // --- Checks ------------------------------------------------------------------------------------------------------------------

    private static void CheckType(aclrtMemManagedLocationType type, string name) =>
        Check.That(type is OnDevice or OnHost or OnNode or OnCurrentNode, AclError.InvalidParam, $"{name}.type is {(int)type}; expected device (1), host (2), host NUMA node (3) or the caller's NUMA node (4).");

    private static void CheckAttribute(aclrtMemManagedRangeAttribute attribute, string name) =>
        Check.That((int)attribute is >= 1 and <= 8, AclError.InvalidParam, $"{name} is {(int)attribute}; expected ACL_MEM_RANGE_ATTRIBUTE_READ_MOSTLY (1) to ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_ID (8).");

    private static void CheckRoom(aclrtMemManagedRangeAttribute attribute, void* data, nuint size, string name)
    {
        bool isList = attribute == aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_ACCESSED_BY;
        Check.That(isList ? size > 0 && size % sizeof(int) == 0 : size == sizeof(int), AclError.RtParamInvalid, $"{name} is {size}; {attribute} {(isList ? "needs a multiple of 4 bytes" : "has 4 bytes")}.");
        HostGuard.CheckArray(data, size, 1, nameof(data));
    }

    /// <summary>The number of the live allocation that holds the range.</summary>
    private static ulong Find(void* ptr, nuint size, string name)
    {
        Allocation* allocation = ManagedHints.Find((nuint)ptr, size);
        return allocation != null ? allocation->Serial : throw NotManaged(ptr, size, name);
    }

    private static AclException NotManaged(void* ptr, nuint size, string name) =>
        new(AclError.RtParamInvalid, $"{name} must be {size} bytes of one live allocation of aclrtMemAllocManaged, not {Updraft.Device.Place.Describe(ptr)}.");

    private static ManagedPlace PlaceOf(aclrtMemManagedLocation location, string name)
    {
        switch (location.type)
        {
            case OnDevice:
                return new ManagedPlace(OnDevice, Current.DeviceById(location.id).Id);
            case OnNode:
                Check.That(location.id >= 0 && Posix.HasNode(location.id), AclError.RtParamInvalid, $"{name}.id is {location.id}; the host has no such NUMA node.");
                return new ManagedPlace(OnNode, location.id);
            case OnCurrentNode:
                return new ManagedPlace(OnNode, Posix.CurrentNode());
            default:
                return new ManagedPlace(OnHost, 0);
        }
    }

    // --- Answers -----------------------------------------------------------------------------------------------------------------

    private static ManagedHint[] Hints(void* ptr, nuint size)
    {
        ManagedHint[] hints = ManagedHints.Of((nuint)ptr, size);
        return hints.Length > 0 ? hints : throw NotManaged(ptr, size, nameof(ptr));
    }

    /// <summary>What holds for the whole range: of places the one that all pages have, of accessors those that all pages have.</summary>
    private static void Write(aclrtMemManagedRangeAttribute attribute, ManagedHint[] hints, void* data, nuint dataSize)
    {
        if (attribute == aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_ACCESSED_BY)
        {
            var list = new Span<int>(data, (int)Math.Min(dataSize / sizeof(int), int.MaxValue));
            IEnumerable<int> common = hints[0].Accessors;
            foreach (ManagedHint hint in hints)
            {
                common = common.Intersect(hint.Accessors);
            }
            int[] accessors = [.. common];
            accessors.AsSpan(0, Math.Min(accessors.Length, list.Length)).CopyTo(list);
            list[Math.Min(accessors.Length, list.Length)..].Fill(ManagedPlace.None);
            return;
        }
        ManagedPlace preferred = Common(hints, static hint => hint.Preferred), prefetched = Common(hints, static hint => hint.LastPrefetch);
        *(int*)data = attribute switch
        {
            aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_READ_MOSTLY => Array.TrueForAll(hints, static hint => hint.IsReadMostly) ? 1 : 0,
            aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION => preferred.Device,
            aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE => (int)preferred.Type,
            aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_ID => preferred.Number,
            aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION => prefetched.Device,
            aclrtMemManagedRangeAttribute.ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE => (int)prefetched.Type,
            _ => prefetched.Number,
        };
    }

    private static ManagedPlace Common(ManagedHint[] hints, Func<ManagedHint, ManagedPlace> place) =>
        Array.TrueForAll(hints, hint => place(hint) == place(hints[0])) ? place(hints[0]) : default;
}
