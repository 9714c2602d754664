using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>
/// Programs for the device's cores are not emulated: loading and launching are refused, and the message names what was asked for. The
/// refusal comes before any other check, so that a program learns it at the first call.
/// </summary>
internal static unsafe class Kernels
{
    internal static void Refuse(Function function, string what, byte* name) =>
        Refuse(function, name == null ? what : $"{what} \"{Marshal.PtrToStringUTF8((nint)name)}\"");

    [DoesNotReturn]
    internal static void Refuse(Function function, string what)
    {
        Rows.WarnOnce(function);
        Check.Fail(AclError.RtFeatureNotSupport,
            $"The {what} cannot be used: Updraft emulates memory, streams and copies, not the cores that run kernels. Put aclrtLaunchHostFunc in its place, or run this part on hardware.", isStored: false);
    }
}
