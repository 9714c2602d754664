using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Updraft.Device;

namespace Updraft.Interop;

public sealed unsafe partial class AclApi
{
    private readonly void** _functions = (void**)NativeMemory.AllocZeroed((nuint)Functions.Count, (nuint)sizeof(void*));

    private bool _isInProcess;

    private AclApi() { }

    /// <summary>The rows of this assembly: the emulated device in process, no library involved. The machine must have been started.</summary>
    public static AclApi InProcess { get; } = FromRows();

    /// <summary>Any AscendCL library: ours, or the vendor's on a machine with hardware. Functions it lacks return 207000.</summary>
    /// <exception cref="DllNotFoundException">There is no library at that path, or one it needs is missing.</exception>
    public static AclApi Load(string path)
    {
        var api = new AclApi();
        // With the assembly a bare name is also looked for among the native libraries of packages.
        nint library = NativeLibrary.Load(path, typeof(AclApi).Assembly, null);
        for (int index = 0; index < Functions.Count; index++)
        {
            var function = (Function)index;
            api._functions[index] = NativeLibrary.TryGetExport(library, Functions.Name(function), out nint address)
                ? (void*)address
                : Functions.ReturnsError(function) ? (delegate* unmanaged[Cdecl]<int>)&Missing : (delegate* unmanaged[Cdecl]<nint>)&MissingValue;
        }
        return api;
    }

    /// <summary>
    /// <see cref="aclrtMemcpyAsync"/>. In process it goes to the entry itself: through a pointer the call would leave managed code only to
    /// come back, which costs as much as the rest of it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int CopyAsync(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, nint stream) => _isInProcess
        ? Exports.Enter_aclrtMemcpyAsync(dst, destMax, src, count, kind, Unsafe.BitCast<nint, StreamHandle>(stream))
        : aclrtMemcpyAsync(dst, destMax, src, count, kind, stream);

    private static AclApi FromRows()
    {
        var api = new AclApi { _isInProcess = true };
        FillFromRows(api._functions);
        return api;
    }

    // The caller removes the arguments, so one function stands in for all signatures.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Missing() => (int)AclError.RtFeatureNotSupport;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint MissingValue() => 0;
}
