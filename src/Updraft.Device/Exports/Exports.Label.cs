namespace Updraft.Device;

// Labels and switches inside models. Reference: docs/api/labels.md
internal static unsafe partial class Exports
{
    static void aclrtCreateLabel(nint* label) => Labels.Create(label);
    static void aclrtSetLabel(LabelHandle label, StreamHandle stream) => Labels.Set(label, stream);
    static void aclrtDestroyLabel(LabelHandle label) => Labels.Destroy(label);
    static void aclrtCreateLabelList(nint* labels, nuint num, nint* labelList) => Labels.CreateList(labels, num, labelList);
    static void aclrtDestroyLabelList(LabelListHandle labelList) => Labels.DestroyList(labelList);
    static void aclrtSwitchLabelByIndex(void* ptr, uint maxValue, LabelListHandle labelList, StreamHandle stream) => Labels.Switch(ptr, maxValue, labelList, stream);
    static void aclrtActiveStream(StreamHandle activeStream, StreamHandle stream) => Labels.Activate(activeStream, stream);
    static void aclrtSwitchStream(void* leftValue, aclrtCondition cond, void* rightValue, aclrtCompareDataType dataType, StreamHandle trueStream, StreamHandle falseStream, StreamHandle stream) => Labels.SwitchStream(leftValue, cond, rightValue, dataType, trueStream, falseStream, stream);
}
