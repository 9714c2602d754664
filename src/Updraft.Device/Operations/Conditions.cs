namespace Updraft.Device;

/// <summary>Conditional tasks of captured graphs: bodies that run, or run again, as a number in device memory says.</summary>
internal static unsafe class Conditions
{
    internal static void CreateHandle(ModelHandle modelHandle, uint defaultValue, aclmdlRICondHandleFlag flag, nint* handle)
    {
        Check.That(!modelHandle.IsNull, AclError.InvalidParam, "modelRI is NULL; give a model.");
        Check.NotNull(handle, nameof(handle));
        Check.That((uint)flag <= 1, AclError.RtParamInvalid, $"flag is {(uint)flag}; expected 0 or ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT (1).");
        ModelInstance model = modelHandle.Get();
        Context context = Current.Context;
        Check.That(model.Context == context, AclError.RtModelContext, $"Model {model.Id} belongs to {Current.Describe(model.Context)}.");
        var address = (nuint)DeviceMemory.TryTake(context.Device, 8, 64, DeviceMemory.SmallPage);
        Check.That(address != 0, AclError.RtMemoryAllocation, $"Device {context.Device.Id} has no room for the 8 bytes of a condition.");
        var condition = new ConditionHandle(model, address, defaultValue, flag == aclmdlRICondHandleFlag.ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT);
        *(ulong*)AddressSpace.Backing(address) = defaultValue;
        condition.Handle = HandleTable.Add(HandleKind.ConditionHandle, condition);
        model.Add(condition);
        *handle = condition.Handle;
    }

    internal static void GetPointer(ConditionHandleHandle handle, ulong** pointer)
    {
        Check.That(handle.Value != 0, AclError.InvalidParam, "handle is NULL; give a handle of aclmdlRICondHandleCreate.");
        Check.NotNull(pointer, "ptr");
        *pointer = (ulong*)handle.Get().Address;
    }

    /// <summary>The bodies are made here, empty; the program fills them with aclmdlRICaptureToModelRIBegin.</summary>
    internal static void AddTask(aclmdlRICondTaskParams parameters, StreamHandle streamHandle, uint flags)
    {
        Check.That(flags == 0, AclError.RtParamInvalid, $"flags is {flags}; it is reserved and must be 0.");
        Check.NotNull(parameters.modelRIArray, "modelRIArray");
        Check.That((uint)parameters.type <= 2, AclError.RtParamInvalid, $"type is {(int)parameters.type}; expected IF (0), WHILE (1) or SWITCH (2).");
        (uint least, uint most) = parameters.type switch
        {
            aclmdlRICondTaskType.ACL_MODEL_RI_COND_TYPE_IF => (1u, 2u),
            aclmdlRICondTaskType.ACL_MODEL_RI_COND_TYPE_WHILE => (1u, 1u),
            _ => (1u, 1024u),
        };
        Check.That(parameters.size >= least && parameters.size <= most, AclError.RtParamInvalid, $"size is {parameters.size}; a conditional task of this type has {least} to {most} bodies.");
        Check.That(parameters.handle != 0, AclError.InvalidParam, "The condition handle is NULL; make one with aclmdlRICondHandleCreate.");
        ConditionHandle condition = HandleTable.TryGet(parameters.handle, out ConditionHandle? found) ? found : throw HandleFailure.Of(parameters.handle, "condition handle");
        Stream stream = Current.Stream(streamHandle);
        Check.That(stream.Capture != null, AclError.RtStreamNotCaptured, $"Stream {stream.Id} is not being captured; conditional tasks exist in captured graphs only.");
        ModelInstance model = stream.Capture.Model;
        Check.That(Root(model) == Root(condition.Model), AclError.RtParamInvalid, $"The condition handle belongs to model {condition.Model.Id}, the stream is captured into model {model.Id}.");
        var bodies = new ModelInstance[(int)parameters.size];
        for (int index = 0; index < bodies.Length; index++)
        {
            bodies[index] = new ModelInstance(model.Context, ModelKind.Body) { Parent = model };
        }
        var task = new ConditionalTask(condition, parameters.type, bodies);
        try
        {
            stream.Submit(new Command { Kind = CommandKind.Task }, task);
        }
        catch
        {
            task.DestroyBodies();
            throw;
        }
        for (int index = 0; index < bodies.Length; index++)
        {
            ((nint*)parameters.modelRIArray)[index] = bodies[index].Handle;
        }
    }

    private static ModelInstance Root(ModelInstance model) => model.Parent is { } parent ? Root(parent) : model;
}
