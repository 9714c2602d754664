namespace Updraft.Device;

/// <summary>A place in a stream of a model that a switch can go to.</summary>
internal sealed class Label(Context context)
{
    internal Context Context { get; } = context;
    internal nint Handle;

    /// <summary>The lane it was set in, null before that.</summary>
    internal Lane? Lane { get; private set; }

    /// <summary>Number of commands of the lane before the label.</summary>
    internal int Index { get; private set; }

    internal void Set(Lane lane, int index)
    {
        Index = index;
        Lane = lane;
    }
}

/// <summary>Labels in the order in which a switch numbers them.</summary>
internal sealed class LabelList(Label[] labels)
{
    internal Label[] Labels => labels;
}

/// <summary>Goes on at the label whose number lies in device memory; a number beyond the list means its last label.</summary>
internal sealed unsafe class LabelSwitch(Lane lane, Place value, uint count, LabelList list) : DeviceTask
{
    internal override bool Run(Stream stream, ref AclError result)
    {
        uint number = *(uint*)value.Backing;
        Label[] labels = list.Labels;
        uint last = (uint)Math.Min(count, (uint)labels.Length) - 1;
        lane.JumpTo(labels[Math.Min(number, last)]);
        return true;
    }
}

/// <summary>Starts another stream of the model.</summary>
internal sealed class Activation(Lane target) : DeviceTask
{
    internal override bool Run(Stream stream, ref AclError result)
    {
        target.Graph.Activate(target);
        return true;
    }
}

/// <summary>Compares two numbers in device memory; when the comparison holds, another stream of the model starts and this one ends.</summary>
internal sealed unsafe class StreamSwitch(Lane lane, Place left, aclrtCondition condition, Place right, bool is64, Lane target) : DeviceTask
{
    internal override bool Run(Stream stream, ref AclError result)
    {
        long first = is64 ? *(long*)left.Backing : *(int*)left.Backing, second = is64 ? *(long*)right.Backing : *(int*)right.Backing;
        if (Holds(first.CompareTo(second)))
        {
            target.Graph.Activate(target);
            lane.End();
        }
        return true;
    }

    private bool Holds(int comparison) => condition switch
    {
        aclrtCondition.ACL_RT_EQUAL => comparison == 0,
        aclrtCondition.ACL_RT_NOT_EQUAL => comparison != 0,
        aclrtCondition.ACL_RT_GREATER => comparison > 0,
        aclrtCondition.ACL_RT_GREATER_OR_EQUAL => comparison >= 0,
        aclrtCondition.ACL_RT_LESS => comparison < 0,
        _ => comparison <= 0,
    };
}

/// <summary>A number in device memory, owned by a model, that conditional tasks look at.</summary>
internal sealed unsafe class ConditionHandle(ModelInstance model, nuint address, uint defaultValue, bool assignsDefault)
{
    internal ModelInstance Model { get; } = model;

    /// <summary>The address programs write to, on the device.</summary>
    internal nuint Address { get; } = address;
    internal nint Handle;

    internal ulong Value => *(ulong*)AddressSpace.Backing(Address);

    internal void AssignDefault()
    {
        if (assignsDefault)
        {
            *(ulong*)AddressSpace.Backing(Address) = defaultValue;
        }
    }

    internal void Free()
    {
        HandleTable.Remove(Handle);
        if (Model.Context.Device.Memory.Free(Address))
        {
            Machine.Observer?.Freed(Address, Model.Context.Device.Id);
        }
    }
}

/// <summary>
/// Runs one of its bodies, each a graph captured by the program: IF the first when the value is not 0 (else the second, if any),
/// WHILE the first as long as the value is not 0, SWITCH the one with that number, or none.
/// </summary>
internal sealed class ConditionalTask(ConditionHandle condition, aclmdlRICondTaskType type, ModelInstance[] bodies) : DeviceTask
{
    private ModelInstance? _running;
    private bool _isOver;

    internal ModelInstance[] Bodies => bodies;

    internal override void Restart() => (_running, _isOver) = (null, false);

    internal override bool Run(Stream stream, ref AclError result)
    {
        while (!_isOver)
        {
            _running ??= Choose();
            if (_running == null)
            {
                return true;
            }
            AclError failure = AclError.Success;
            if (!_running.Graph.Run(stream, ref failure))
            {
                return false;
            }
            result = failure == AclError.Success ? result : failure;
            _running = null;
            _isOver = type != aclmdlRICondTaskType.ACL_MODEL_RI_COND_TYPE_WHILE || condition.Model.Graph.IsAborting;
        }
        return true;
    }

    private ModelInstance? Choose()
    {
        ulong value = condition.Value;
        int index = type switch
        {
            aclmdlRICondTaskType.ACL_MODEL_RI_COND_TYPE_IF => value != 0 ? 0 : 1,
            aclmdlRICondTaskType.ACL_MODEL_RI_COND_TYPE_WHILE => value != 0 ? 0 : bodies.Length,
            _ => (int)Math.Min(value, (ulong)bodies.Length),
        };
        return index < bodies.Length ? bodies[index] : null;
    }

    internal override void Abandon(Stream stream) => _running?.Graph.Abandon(stream);

    internal void DestroyBodies()
    {
        foreach (ModelInstance body in bodies)
        {
            body.Destroy();
        }
    }
}

internal readonly struct LabelHandle
{
    public readonly nint Value;
    internal Label Get() => HandleTable.TryGet(Value, out Label? label) ? label : throw HandleFailure.Of(Value, "label");
}

internal readonly struct LabelListHandle
{
    public readonly nint Value;
    internal LabelList Get() => HandleTable.TryGet(Value, out LabelList? list) ? list : throw HandleFailure.Of(Value, "label list");
}

internal readonly struct ConditionHandleHandle
{
    public readonly nint Value;
    internal ConditionHandle Get() => HandleTable.TryGet(Value, out ConditionHandle? condition) ? condition : throw HandleFailure.Of(Value, "condition handle");
}
