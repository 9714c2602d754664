using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// Groups of cores (310P): a program may choose one for a context before it works in it. The emulated chip is undivided: one group,
/// number 0, with all cores.
/// </summary>
internal static unsafe class Groups
{
    internal const string Kind = "group info";

    /// <summary>What <c>aclrtGetAllGroupInfo</c> fills.</summary>
    internal sealed class Info
    {
        internal int[] Groups = [];
    }

    private sealed class Choice
    {
        internal int Group;
    }

    private static readonly ConditionalWeakTable<Context, Choice> s_choices = [];

    internal static void Set(int groupId)
    {
        Context context = Current.Context;
        Check.That(groupId >= 0 && groupId < Chip.Current.CoreGroups, AclError.RtGroupNotCreate, $"There is no group {groupId}; the device has {Chip.Current.CoreGroups}, numbered from 0.");
        s_choices.GetOrCreateValue(context).Group = groupId;
    }

    internal static uint Count()
    {
        _ = Current.Context;
        return (uint)Chip.Current.CoreGroups;
    }

    internal static void Fill(ObjectHandle handle)
    {
        Info info = handle.Get<Info>("groupInfo", Kind);
        info.Groups = [.. Enumerable.Range(0, (int)Count())];
    }

    internal static void Detail(ObjectHandle handle, int index, aclrtGroupAttr attribute, void* value, nuint sizeBytes, nuint* writtenBytes)
    {
        Info info = handle.Get<Info>("groupInfo", Kind);
        Check.NotNull(value, "attrValue");
        Check.NotNull(writtenBytes, "paramRetSize");
        Check.That(Enum.IsDefined(attribute), AclError.InvalidParam, $"attr is {(int)attribute}; expected a value of aclrtGroupAttr, 0 to 5.");
        Check.That(index >= 0 && index < info.Groups.Length, AclError.InvalidParam, info.Groups.Length == 0
            ? "The group info is empty; fill it with aclrtGetAllGroupInfo first." : $"groupIndex is {index}; the group info has {info.Groups.Length} groups.");
        Check.That(sizeBytes >= sizeof(int), AclError.InvalidParam, $"valueLen is {sizeBytes}; the value needs {sizeof(int)} bytes.");
        *(int*)value = attribute switch
        {
            aclrtGroupAttr.ACL_GROUP_AICORE_INT or aclrtGroupAttr.ACL_GROUP_AIC_INT => Chip.Current.AiCores / Chip.Current.CoreGroups,
            aclrtGroupAttr.ACL_GROUP_AIV_INT => Chip.Current.VectorCores / Chip.Current.CoreGroups,
            aclrtGroupAttr.ACL_GROUP_GROUPID_INT => info.Groups[index],
            _ => throw new AclException(AclError.RtFeatureNotSupport, $"The profile of {Chip.Current.Name} does not say {attribute}; Updraft does not invent it.", isStored: false),
        };
        *writtenBytes = sizeof(int);
    }
}
