using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Updraft.Device;

namespace Updraft.Interop;

public sealed unsafe partial class AclApi
{
    /// <summary>Null in process: the rows are called as they are.</summary>
    private readonly void** _functions;

    private AclApi(void** functions) => _functions = functions;

    /// <summary>The rows of this assembly: the emulated device in process, no library involved. The machine must have been started.</summary>
    public static AclApi InProcess { get; } = new(null);

    /// <summary>Any AscendCL library: ours, or the vendor's on a machine with hardware. Functions it lacks return 207000.</summary>
    /// <exception cref="DllNotFoundException">There is no library at that path, or one it needs is missing.</exception>
    public static AclApi Load(string path)
    {
        // With the assembly a bare name is also looked for among the native libraries of packages.
        nint library = NativeLibrary.Load(path, typeof(AclApi).Assembly, null);
        var functions = (void**)NativeMemory.Alloc((nuint)Functions.Count, (nuint)sizeof(void*));
        for (int index = 0; index < Functions.Count; index++)
        {
            var function = (Function)index;
            functions[index] = NativeLibrary.TryGetExport(library, Functions.Name(function), out nint address)
                ? (void*)address
                : Functions.ReturnsError(function) ? (delegate* unmanaged[Cdecl]<int>)&Missing : (delegate* unmanaged[Cdecl]<nint>)&MissingValue;
        }
        return new AclApi(functions);
    }

    // The caller removes the arguments, so one function stands in for all signatures.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Missing() => (int)AclError.RtFeatureNotSupport;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint MissingValue() => 0;
}
