namespace Updraft.Device;

/// <summary>Labels and switches inside models: where an execution goes on is decided by numbers in device memory.</summary>
internal static unsafe class Labels
{
    internal static void Create(nint* label)
    {
        Check.NotNull(label, nameof(label));
        var created = new Label(Current.Context);
        *label = created.Handle = HandleTable.Add(HandleKind.Label, created);
    }

    internal static void Set(LabelHandle handle, StreamHandle streamHandle)
    {
        Label label = Get(handle);
        _ = streamHandle.GetOrNull();
        Stream stream = Current.Stream(streamHandle);
        CheckContext(label);
        Lane lane = LaneOf(stream);
        Check.That(label.Lane == null, AclError.RtParamInvalid, $"The label 0x{label.Handle:x} was set already; a label marks one place.");
        label.Set(lane, (int)stream.Submit(new Command { Kind = CommandKind.Marker }) - 1);
    }

    internal static void Destroy(LabelHandle handle)
    {
        _ = Get(handle);
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "label");
        }
    }

    internal static void CreateList(nint* labels, nuint count, nint* list)
    {
        Check.NotNull(labels, nameof(labels));
        Check.NotNull(list, "labelList");
        Check.That(count is > 0 and <= ushort.MaxValue, AclError.RtParamInvalid, $"num is {count}; expected 1 to {ushort.MaxValue}.");
        _ = Current.Context;
        var found = new Label[(int)count];
        for (int index = 0; index < found.Length; index++)
        {
            found[index] = HandleTable.TryGet(labels[index], out Label? label) ? label : throw HandleFailure.Of(labels[index], "label");
            CheckContext(found[index]);
        }
        *list = HandleTable.Add(HandleKind.LabelList, new LabelList(found));
    }

    internal static void DestroyList(LabelListHandle handle)
    {
        Check.That(handle.Value != 0, AclError.InvalidParam, "labelList is NULL; give a list of aclrtCreateLabelList.");
        _ = handle.Get();
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "label list");
        }
    }

    internal static void Switch(void* ptr, uint maxValue, LabelListHandle handle, StreamHandle streamHandle)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.That(handle.Value != 0, AclError.InvalidParam, "labelList is NULL; give a list of aclrtCreateLabelList.");
        LabelList list = handle.Get();
        Check.That(maxValue > 0 && maxValue <= list.Labels.Length, AclError.RtParamInvalid, $"maxValue is {maxValue}; expected 1 to the {list.Labels.Length} labels of the list.");
        Stream stream = Current.Stream(streamHandle);
        Lane lane = LaneOf(stream);
        stream.Submit(new Command { Kind = CommandKind.Task }, new LabelSwitch(lane, DevicePlace(ptr, 4, nameof(ptr)), maxValue, list));
    }

    /// <summary>aclrtActiveStream: when <paramref name="streamHandle"/> comes here, the other stream of the model starts.</summary>
    internal static void Activate(StreamHandle activeHandle, StreamHandle streamHandle)
    {
        Check.That(!activeHandle.IsNull, AclError.InvalidParam, "activeStream is NULL; give a stream bound to the same model.");
        Stream active = activeHandle.GetOrNull()!, stream = Current.Stream(streamHandle);
        Lane lane = LaneOf(stream);
        stream.Submit(new Command { Kind = CommandKind.Task }, new Activation(OfSameModel(active, lane)));
    }

    internal static void SwitchStream(void* left, aclrtCondition condition, void* right, aclrtCompareDataType type, StreamHandle trueHandle, StreamHandle falseHandle, StreamHandle streamHandle)
    {
        Check.NotNull(left, "leftValue");
        Check.NotNull(right, "rightValue");
        Check.That(!trueHandle.IsNull, AclError.InvalidParam, "trueStream is NULL; give a stream bound to the same model.");
        Check.That(falseHandle.IsNull, AclError.InvalidParam, "falseStream is reserved and must be NULL.");
        Check.That((uint)condition <= 5, AclError.RtParamInvalid, $"cond is {(int)condition}; expected ACL_RT_EQUAL (0) to ACL_RT_LESS_OR_EQUAL (5).");
        Check.That((uint)type <= 1, AclError.RtParamInvalid, $"dataType is {(int)type}; expected ACL_RT_SWITCH_INT32 (0) or ACL_RT_SWITCH_INT64 (1).");
        Stream target = trueHandle.GetOrNull()!, stream = Current.Stream(streamHandle);
        Lane lane = LaneOf(stream);
        bool is64 = type == aclrtCompareDataType.ACL_RT_SWITCH_INT64;
        nuint bytes = is64 ? 8u : 4u;
        stream.Submit(new Command { Kind = CommandKind.Task },
            new StreamSwitch(lane, DevicePlace(left, bytes, "leftValue"), condition, DevicePlace(right, bytes, "rightValue"), is64, OfSameModel(target, lane)));
    }

    private static Label Get(LabelHandle handle)
    {
        Check.That(handle.Value != 0, AclError.InvalidParam, "label is NULL; give a label of aclrtCreateLabel.");
        return handle.Get();
    }

    private static void CheckContext(Label label) =>
        Check.That(label.Context == Current.Context, AclError.RtLabelContext, $"The label 0x{label.Handle:x} belongs to {Current.Describe(label.Context)}.");

    private static Lane LaneOf(Stream stream) => stream.BoundTo != null ? stream.Lane!
        : throw new AclException(AclError.RtStreamModel, $"Stream {stream.Id} is not bound to a model; labels and switches exist inside models only (aclmdlRIBindStream).");

    private static Lane OfSameModel(Stream other, Lane lane) => other.BoundTo == lane.Graph.Model ? other.Lane!
        : throw new AclException(AclError.RtStreamModel, $"Stream {other.Id} is not bound to model {lane.Graph.Model.Id}, to which stream {lane.Source.Id} is bound.");

    private static Place DevicePlace(void* pointer, nuint bytes, string name)
    {
        Place place = Place.Of(pointer, bytes);
        Check.That(place.Class == MemoryClass.Device && place.IsWhole, AclError.RtParamInvalid, $"{name} must be device memory: {Place.Describe(pointer)}.");
        return place;
    }
}
