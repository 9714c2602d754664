namespace Updraft.Device;

// Model running instances and capture. Reference: docs/api/models.md, docs/api/capture.md
internal static unsafe partial class Exports
{
    static void aclmdlRITaskGetParams(nint task, byte* @params) => Models.GetTaskParameters(task, @params);
    static void aclmdlRIUpdate(ModelHandle modelRI) => Models.Update(modelRI);

    [ChecksChip] static void aclmdlRICaptureBegin(StreamHandle stream, aclmdlRICaptureMode mode) => Captures.Begin(stream, mode);
    [ChecksChip] static void aclmdlRICaptureGetInfo(StreamHandle stream, aclmdlRICaptureStatus* status, nint* modelRI) => Captures.GetInfo(stream, status, modelRI);
    [ChecksChip] static void aclmdlRICaptureEnd(StreamHandle stream, nint* modelRI) => Captures.End(stream, modelRI);
    static void aclmdlRIDebugPrint(ModelHandle modelRI) => ModelPrinter.Print(modelRI);
    static void aclmdlRIDebugJsonPrint(ModelHandle modelRI, byte* path, uint flags) => ModelPrinter.PrintJson(modelRI, path);
    [ChecksChip] static void aclmdlRICaptureThreadExchangeMode(aclmdlRICaptureMode* mode) => Captures.ExchangeMode(mode);
    [ChecksChip] static void aclmdlRIExecuteAsync(ModelHandle modelRI, StreamHandle stream) => Models.ExecuteAsync(modelRI, stream);
    static AclError aclmdlRIExecute(ModelHandle modelRI, int timeout) => Models.Execute(modelRI, timeout);
    static void aclmdlRIDestroy(ModelHandle modelRI) => Models.Destroy(modelRI);
    [ChecksChip] static void aclmdlRICaptureTaskGrpBegin(StreamHandle stream) => Captures.BeginGroup(stream);
    [ChecksChip] static void aclmdlRICaptureTaskGrpEnd(StreamHandle stream, nint* handle) => Captures.EndGroup(stream, handle);
    [ChecksChip] static void aclmdlRICaptureTaskUpdateBegin(StreamHandle stream, nint handle) => Captures.BeginUpdate(stream, handle);
    [ChecksChip] static void aclmdlRICaptureTaskUpdateEnd(StreamHandle stream) => Captures.EndUpdate(stream);
    static void aclmdlRIBuildBegin(nint* modelRI, uint flag) => Models.BuildBegin(modelRI, flag);
    static void aclmdlRIBindStream(ModelHandle modelRI, StreamHandle stream, uint flag) => Models.Bind(modelRI, stream, flag);
    static void aclmdlRIEndTask(ModelHandle modelRI, StreamHandle stream) => Models.MarkEnd(modelRI, stream);
    static void aclmdlRIBuildEnd(ModelHandle modelRI, void* reserve) => Models.BuildEnd(modelRI, reserve);
    static void aclmdlRIUnbindStream(ModelHandle modelRI, StreamHandle stream) => Models.Unbind(modelRI, stream);
    static void aclmdlRISetName(ModelHandle modelRI, byte* name) => Models.SetName(modelRI, name);
    static void aclmdlRIGetName(ModelHandle modelRI, uint maxLen, byte* name) => Models.GetName(modelRI, maxLen, name);
    static void aclmdlRIGetId(ModelHandle modelRI, uint* modelRIId) => Models.GetId(modelRI, modelRIId);
    static void aclmdlRIDestroyRegisterCallback(ModelHandle modelRI, nint func, void* userData) => Models.RegisterDestroyCallback(modelRI, func, userData);
    static void aclmdlRIDestroyUnregisterCallback(ModelHandle modelRI, nint func) => Models.UnregisterDestroyCallback(modelRI, func);
    static void aclmdlRIGetStreams(ModelHandle modelRI, nint* streams, uint* numStreams) => Models.GetStreams(modelRI, streams, numStreams);
    static void aclmdlRIGetTasksByStream(StreamHandle stream, nint* tasks, uint* numTasks) => Models.GetTasks(stream, tasks, numTasks);
    static void aclmdlRITaskGetType(nint task, aclmdlRITaskType* type) => Models.GetTaskType(task, type);
    static void aclmdlRITaskGetSeqId(nint task, uint* id) => Models.GetTaskSequence(task, id);
    static void aclmdlRIAbort(ModelHandle modelRI) => Models.Abort(modelRI);
    static void aclmdlRICondHandleCreate(ModelHandle modelRI, uint defaultLaunchValue, aclmdlRICondHandleFlag flag, nint* handle) => Conditions.CreateHandle(modelRI, defaultLaunchValue, flag, handle);
    static void aclmdlRICondHandleGetCondPtr(ConditionHandleHandle handle, ulong** ptr) => Conditions.GetPointer(handle, ptr);
    static void aclmdlRIAddCondTask(aclmdlRICondTaskParams @params, StreamHandle stream, uint flags) => Conditions.AddTask(@params, stream, flags);
    static void aclmdlRICaptureToModelRIBegin(StreamHandle stream, ModelHandle modelRI, aclmdlRICaptureMode mode) => Captures.BeginInto(stream, modelRI, mode);
}
