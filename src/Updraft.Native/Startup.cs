using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Updraft.Device;

namespace Updraft.Native;

/// <summary>Runs once, inside the first call of any exported function: reads the environment, starts the machine, installs the guards.</summary>
internal static unsafe partial class Startup
{
    [StructLayout(LayoutKind.Sequential)]
    private struct Guards
    {
        internal delegate* unmanaged[Cdecl]<void*, void*, nuint, void*, int> Copy;
        internal delegate* unmanaged[Cdecl]<void*, nuint*, nuint*, int> Call;
        internal delegate* unmanaged[Cdecl]<void*, nuint, int, long, int> Move;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Ranges
    {
        internal nuint DeviceStart, DeviceBytes, BackingStart, BackingBytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Kernel
    {
        internal byte* Name;
        internal delegate* unmanaged[Cdecl, SuppressGCTransition]<byte*, byte*, nuint, void> Copy;
    }

    [LibraryImport("updraft_native")]
    private static partial int updraft_kernels(Kernel* kernels);

    [LibraryImport("updraft_native")]
    private static partial void updraft_install_guards(Ranges* ranges, delegate* unmanaged[Cdecl]<void*, void> report, Guards* guards);

    // The library is the application here: nothing else runs before the first exported call.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Start()
    {
        try
        {
            OfferKernels();
            Machine.Start(Options.FromEnvironment());
            Guards guards;
            // Mapped memory, behind the devices, may be protected for other reasons: only that of devices is ever moved.
            var ranges = new Ranges
            {
                DeviceStart = AddressSpace.DeviceBase,
                DeviceBytes = AddressSpace.DeviceBytes + AddressSpace.VirtualBytes,
                BackingStart = AddressSpace.DeviceBase + AddressSpace.BackingDistance,
                BackingBytes = AddressSpace.DeviceBytes,
            };
            updraft_install_guards(&ranges, &ReportDeviceAccess, &guards);
            HostGuard.GuardedCopy = guards.Copy;
            HostGuard.GuardedCall = guards.Call;
            SharedMemory.AtomicMove = guards.Move;
        }
        catch (Exception exception)
        {
            // Nothing can be returned from here: the calls that follow find no devices and say so.
            Log.Error($"the emulated machine could not be started: {exception.Message}");
        }
    }

    /// <summary>Before the variables are read: one of them names a kernel.</summary>
    private static void OfferKernels()
    {
        Kernel* kernels = stackalloc Kernel[16];
        int count = updraft_kernels(kernels);
        for (int index = 0; index < count; index++)
        {
            CopyKernel.Offer(Marshal.PtrToStringUTF8((nint)kernels[index].Name)!, kernels[index].Copy);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ReportDeviceAccess(void* address) =>
        Log.Fatal($"host code touched the device address {Place.Describe(address)}. Device memory cannot be read or written by the host: copy it with aclrtMemcpy or aclrtMemcpyAsync.");
}
