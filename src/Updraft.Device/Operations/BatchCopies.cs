using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>The arguments of a batch: arrays of equal length, and attributes that hold from one index up to the next.</summary>
internal readonly unsafe struct Batch(void** dsts, nuint* destMaxs, void** srcs, nuint* sizes, nuint count, aclrtMemcpyBatchAttr* attributes, nuint* attributeIndexes, nuint attributeCount)
{
    internal void** Dsts { get; } = dsts;
    internal nuint* DestMaxs { get; } = destMaxs;
    internal void** Srcs { get; } = srcs;
    internal nuint* Sizes { get; } = sizes;
    internal nuint Count { get; } = count;
    internal aclrtMemcpyBatchAttr* Attributes { get; } = attributes;
    internal nuint* AttributeIndexes { get; } = attributeIndexes;
    internal nuint AttributeCount { get; } = attributeCount;
}

/// <summary>
/// aclrtMemcpyBatch and aclrtMemcpyBatchAsync. Elements are checked and queued one by one: when one is refused, those before it are on
/// their way. Queued elements have no order among themselves, so neighbours share one command, whose work free threads share.
/// </summary>
internal static unsafe class BatchCopies
{
    private const nuint MaximumSyncElements = 4096;

    internal static void Sync(in Batch batch, nuint* failIndex)
    {
        Check.NotNull(failIndex, nameof(failIndex));
        SyncAny(batch, failIndex, Function.aclrtMemcpyBatch);
    }

    internal static void SyncV2(in Batch batch)
    {
        nuint failIndex;
        SyncAny(batch, &failIndex, Function.aclrtMemcpyBatchV2);
    }

    internal static void Async(in Batch batch, nuint* failIndex, StreamHandle stream)
    {
        Check.NotNull(failIndex, nameof(failIndex));
        AsyncAny(batch, failIndex, stream, Function.aclrtMemcpyBatchAsync);
    }

    internal static void AsyncV2(in Batch batch, StreamHandle stream)
    {
        nuint failIndex;
        AsyncAny(batch, &failIndex, stream, Function.aclrtMemcpyBatchAsyncV2);
    }

    /// <summary>All elements are checked before the first byte moves.</summary>
    private static void SyncAny(in Batch batch, nuint* failIndex, Function function)
    {
        if (!CheckArrays(batch, failIndex))
        {
            return;
        }
        Check.Supported(function);
        *failIndex = nuint.MaxValue;
        CheckAttributes(batch);
        Check.That(batch.Count <= MaximumSyncElements, AclError.RtParamInvalid, $"numBatches is {batch.Count}; aclrtMemcpyBatch copies at most {MaximumSyncElements} elements, aclrtMemcpyBatchAsync any number.");
        var attributes = new AttributeCursor(batch);
        var lookup = new Lookup();
        for (nuint index = 0; index < batch.Count; index++)
        {
            attributes.MoveTo(index);
            try
            {
                Check.NotNull(batch.Dsts[index], $"dsts[{index}]", AclError.RtParamInvalid);
                Check.NotNull(batch.Srcs[index], $"srcs[{index}]", AclError.RtParamInvalid);
                attributes.Check(index, lookup.To(batch.Dsts[index], batch.Sizes[index]), lookup.From(batch.Srcs[index], batch.Sizes[index]));
            }
            catch (AclException)
            {
                *failIndex = index;
                throw;
            }
        }
        for (nuint index = 0; index < batch.Count; index++)
        {
            if (batch.Sizes[index] == 0)
            {
                continue;
            }
            Copies.CheckBoth(lookup.To(batch.Dsts[index], batch.Sizes[index]), lookup.From(batch.Srcs[index], batch.Sizes[index]), batch.Sizes[index]);
        }
        for (nuint index = 0; index < batch.Count; index++)
        {
            if (batch.Sizes[index] != 0)
            {
                Copies.Now(lookup.To(batch.Dsts[index], batch.Sizes[index]), lookup.From(batch.Srcs[index], batch.Sizes[index]), batch.Sizes[index]);
            }
        }
    }

    private static void AsyncAny(in Batch batch, nuint* failIndex, StreamHandle streamHandle, Function function)
    {
        if (!CheckArrays(batch, failIndex))
        {
            return;
        }
        Check.Supported(function);
        Stream? named = streamHandle.GetOrNull();
        *failIndex = nuint.MaxValue;
        CheckAttributes(batch);
        Context context = Current.Context;
        Stream stream = named ?? context.DefaultStream;
        bool isForeign = stream.Context != context, isStrict = Machine.IsStrict;
        var attributes = new AttributeCursor(batch);
        var lookup = new Lookup();
        BatchElements? elements = null;
        nuint index = 0;
        try
        {
            while (index < batch.Count)
            {
                if (elements != null && lookup.KnowsBoth)
                {
                    index = AddSimilar(batch, index, attributes.End, lookup, elements);
                    if (elements.IsFull)
                    {
                        Submit(stream, ref elements);
                    }
                    if (index == batch.Count)
                    {
                        break;
                    }
                }
                void* dst = batch.Dsts[index], src = batch.Srcs[index];
                nuint size = batch.Sizes[index];
                if (index == attributes.End)
                {
                    attributes.MoveTo(index);
                    lookup.Forget();
                }
                if (size - 1 >= batch.DestMaxs[index] || dst == null || src == null)
                {
                    *failIndex = index;
                    RefuseElement(index, dst, batch.DestMaxs[index], src, size);
                }
                Place to = lookup.To(dst, size), from = lookup.From(src, size);
                if (!attributes.Fits(to, from))
                {
                    *failIndex = index;
                    attributes.Check(index, to, from);
                }
                index++;
                // What is left is the launch: its failures do not name the element.
                if (to.Class == MemoryClass.Unregistered || from.Class == MemoryClass.Unregistered)
                {
                    Submit(stream, ref elements);
                    Copies.SyncBehindInBatch(stream, to, from, size);
                    continue;
                }
                if (isForeign)
                {
                    Current.ThrowForeign(stream, context);
                }
                if (size > CopyEngine.SmallBytes || !to.IsWritable || !from.IsWhole || isStrict || to.Class == MemoryClass.Managed || from.Class == MemoryClass.Managed)
                {
                    Submit(stream, ref elements);
                    Copies.Queue(stream, to, from, size, aclrtMemcpyKind.ACL_MEMCPY_DEFAULT);
                    continue;
                }
                if (elements == null)
                {
                    stream.CheckAccepts();
                    elements = BatchElements.Rent(batch.Count - index + 1);
                }
                elements.Add(to.Backing, from.Backing, size, to.NeedsGuard | from.NeedsGuard);
                if (elements.IsFull)
                {
                    Submit(stream, ref elements);
                }
            }
        }
        finally
        {
            // Also when an element was refused: those before it were launched.
            Submit(stream, ref elements);
        }
    }

    /// <summary>
    /// Adds elements as long as they lie in the same two allocations as one that has passed all checks: what those would find is known.
    /// Most batches are blocks of one cache, and this loop is what an element costs. Returns the first index that is different.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint AddSimilar(in Batch batch, nuint index, nuint end, in Lookup lookup, BatchElements elements)
    {
        void** dsts = batch.Dsts, srcs = batch.Srcs;
        nuint* sizes = batch.Sizes, destMaxs = batch.DestMaxs;
        Allocation* to = lookup.ToAllocation, from = lookup.FromAllocation;
        nuint toDistance = lookup.ToDistance, fromDistance = lookup.FromDistance, bytes = 0;
        Span<BatchElement> free = elements.Free;
        int added = 0;
        end = Math.Min(Math.Min(end, batch.Count), index + (nuint)free.Length);
        for (; index < end; index++)
        {
            nuint dst = (nuint)dsts[index], src = (nuint)srcs[index], size = sizes[index];
            if (size - 1 >= Math.Min(destMaxs[index], CopyEngine.SmallBytes) || !to->Contains(dst, size) || !from->Contains(src, size))
            {
                break;
            }
            free[added++] = new BatchElement { To = dst + toDistance, From = src + fromDistance, Bytes = size };
            bytes += size;
        }
        elements.Added(added, bytes);
        return index;
    }

    private static void Submit(Stream stream, ref BatchElements? elements)
    {
        if (elements != null)
        {
            BatchElements full = elements;
            elements = null;
            stream.Submit(new Command { Kind = CommandKind.CopyBatch, C = full.Bytes }, full);
        }
    }

    /// <summary>The checks that look at the arrays only. False when there is nothing to do.</summary>
    private static bool CheckArrays(in Batch batch, nuint* failIndex)
    {
        Check.NotNull(batch.Sizes, "sizes");
        Check.That(batch.Count != 0, AclError.InvalidParam, "numBatches is 0; give at least one element.");
        HostGuard.CheckArray(batch.Sizes, batch.Count, (nuint)sizeof(nuint), "sizes");
        nuint first = 0;
        while (first < batch.Count && batch.Sizes[first] == 0)
        {
            first++;
        }
        if (first == batch.Count)
        {
            *failIndex = nuint.MaxValue;
            return false;
        }
        Check.NotNull(batch.Dsts, "dsts");
        Check.NotNull(batch.DestMaxs, "destMaxs");
        Check.NotNull(batch.Srcs, "srcs");
        Check.NotNull(batch.Attributes, "attrs");
        Check.NotNull(batch.AttributeIndexes, "attrsIndexes");
        HostGuard.CheckArray(batch.Dsts, batch.Count, (nuint)sizeof(void*), "dsts");
        HostGuard.CheckArray(batch.DestMaxs, batch.Count, (nuint)sizeof(nuint), "destMaxs");
        HostGuard.CheckArray(batch.Srcs, batch.Count, (nuint)sizeof(void*), "srcs");
        HostGuard.CheckArray(batch.Attributes, batch.AttributeCount, (nuint)sizeof(aclrtMemcpyBatchAttr), "attrs");
        HostGuard.CheckArray(batch.AttributeIndexes, batch.AttributeCount, (nuint)sizeof(nuint), "attrsIndexes");
        for (nuint index = first; index < batch.Count; index++)
        {
            if (batch.DestMaxs[index] < batch.Sizes[index])
            {
                Check.Fail(AclError.InvalidParam, $"sizes[{index}] ({batch.Sizes[index]} bytes) is larger than destMaxs[{index}] ({batch.DestMaxs[index]} bytes).");
            }
        }
        for (nuint index = 0; index < batch.AttributeCount; index++)
        {
            if (new ReadOnlySpan<byte>(batch.Attributes + index, sizeof(aclrtMemcpyBatchAttr))[16..].ContainsAnyExcept((byte)0))
            {
                Check.Fail(AclError.InvalidParam, $"attrs[{index}].rsv is reserved and must be all 0.");
            }
        }
        return true;
    }

    private static void CheckAttributes(in Batch batch)
    {
        Check.That(batch.AttributeCount != 0 && batch.AttributeCount <= batch.Count, AclError.RtParamInvalid, $"numAttrs is {batch.AttributeCount}; expected 1 to numBatches ({batch.Count}).");
        nuint* indexes = batch.AttributeIndexes;
        Check.That(indexes[0] == 0, AclError.RtParamInvalid, $"attrsIndexes[0] is {indexes[0]}; the first attribute begins at element 0.");
        for (nuint index = 1; index < batch.AttributeCount; index++)
        {
            if (indexes[index] <= indexes[index - 1] || indexes[index] >= batch.Count)
            {
                Check.Fail(AclError.RtParamInvalid, $"attrsIndexes[{index}] is {indexes[index]}; expected more than {indexes[index - 1]} and less than numBatches ({batch.Count}).");
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RefuseElement(nuint index, void* dst, nuint destMax, void* src, nuint size)
    {
        Check.That(size != 0, AclError.RtParamInvalid, $"sizes[{index}] is 0; aclrtMemcpyBatchAsync takes no empty elements among others.");
        Check.That(size <= destMax, AclError.RtParamInvalid, $"sizes[{index}] ({size} bytes) is larger than destMaxs[{index}] ({destMax} bytes).");
        Check.NotNull(src, $"srcs[{index}]", AclError.RtParamInvalid);
        Check.NotNull(dst, $"dsts[{index}]", AclError.RtParamInvalid);
    }

    /// <summary>Where the memory of the elements at hand is said to be.</summary>
    private struct AttributeCursor(Batch batch)
    {
        private nuint _next;
        private nuint _until;
        private aclrtMemLocation _to, _from;
        private MemoryClass _toClass, _fromClass;
        private bool _crosses;

        /// <summary>The element at which the next attribute begins; at first 0.</summary>
        internal readonly nuint End => _until;

        internal void MoveTo(nuint index)
        {
            if (index != _until)
            {
                return;
            }
            (_to, _from) = (batch.Attributes[_next].dstLoc, batch.Attributes[_next].srcLoc);
            _next++;
            _until = _next < batch.AttributeCount ? batch.AttributeIndexes[_next] : nuint.MaxValue;
            (_toClass, _fromClass) = (ClassOf(_to), ClassOf(_from));
            _crosses = _toClass != _fromClass;
        }

        /// <summary>True when both sides are where the attribute says, and in different kinds of memory.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal readonly bool Fits(in Place to, in Place from) =>
            _crosses && Seen(to.Class) == _toClass && Seen(from.Class) == _fromClass
            && (_toClass != MemoryClass.Device || to.Device == (int)_to.id) && (_fromClass != MemoryClass.Device || from.Device == (int)_from.id);

        internal readonly void Check(nuint index, in Place to, in Place from)
        {
            CheckSide(index, "dst", to, _to, _toClass);
            CheckSide(index, "src", from, _from, _fromClass);
            Updraft.Device.Check.That(_crosses, AclError.RtParamInvalid, $"Element {index} does not copy between host and device: both sides are {Place.Describe((void*)to.Address)} and {Place.Describe((void*)from.Address)}.");
        }

        private static void CheckSide(nuint index, string side, in Place place, in aclrtMemLocation location, MemoryClass expected)
        {
            if (Seen(place.Class) != expected || expected == MemoryClass.Device && place.Device != (int)location.id)
            {
                Updraft.Device.Check.Fail(AclError.RtParamInvalid, $"{side}s[{index}] is {Place.Describe((void*)place.Address)}, but its attribute says {location.type} with id {location.id}.");
            }
        }

        /// <summary>Pageable host memory counts as host memory.</summary>
        private static MemoryClass Seen(MemoryClass memoryClass) => memoryClass == MemoryClass.Unregistered ? MemoryClass.Host : memoryClass;

        private static MemoryClass ClassOf(in aclrtMemLocation location) => location.type switch
        {
            aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST or aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED or aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST_NUMA => MemoryClass.Host,
            aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE => MemoryClass.Device,
            aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_MANAGED => MemoryClass.Managed,
            _ => NoClass,
        };

        /// <summary>What no memory is: an attribute with an unknown type fits nothing.</summary>
        private const MemoryClass NoClass = (MemoryClass)0xff;
    }

    /// <summary>Looks memory up. Elements of a batch mostly lie in the same two allocations: the last ones are tried first.</summary>
    private struct Lookup
    {
        private Place _lastTo, _lastFrom;
        private Allocation* _to, _from;

        internal readonly bool KnowsBoth => _to != null && _from != null;
        internal readonly Allocation* ToAllocation => _to;
        internal readonly Allocation* FromAllocation => _from;
        internal readonly nuint ToDistance => _lastTo.Backing - _lastTo.Address;
        internal readonly nuint FromDistance => _lastFrom.Backing - _lastFrom.Address;

        /// <summary>Another attribute holds: what was found is no proof any more.</summary>
        internal void Forget()
        {
            _to = null;
            _from = null;
        }

        internal Place To(void* pointer, nuint size) => _to != null && _to->Contains((nuint)pointer, size) ? _lastTo.At((nuint)pointer) : Find(pointer, size, ref _lastTo, ref _to);

        internal Place From(void* pointer, nuint size) => _from != null && _from->Contains((nuint)pointer, size) ? _lastFrom.At((nuint)pointer) : Find(pointer, size, ref _lastFrom, ref _from);

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Place Find(void* pointer, nuint size, ref Place place, ref Allocation* allocation)
        {
            place = Place.Of(pointer, size);
            allocation = place.IsWhole ? Place.AllocationOf(pointer) : null;
            return place;
        }
    }
}
