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
        internal delegate* unmanaged[Cdecl]<void*, void*, nuint, int> Copy;
        internal delegate* unmanaged[Cdecl]<void*, nuint*, nuint*, int> Call;
    }

    [LibraryImport("updraft_native")]
    private static partial void updraft_install_guards(nuint start, nuint size, delegate* unmanaged[Cdecl]<void*, void> report, Guards* guards);

    // The library is the application here: nothing else runs before the first exported call.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Start()
    {
        try
        {
            Machine.Start(Options.FromEnvironment());
            Guards guards;
            updraft_install_guards(AddressSpace.DeviceBase, AddressSpace.DeviceBytes + AddressSpace.VirtualBytes, &ReportDeviceAccess, &guards);
            HostGuard.GuardedCopy = guards.Copy;
            HostGuard.GuardedCall = guards.Call;
        }
        catch (Exception exception)
        {
            // Nothing can be returned from here: the calls that follow find no devices and say so.
            Log.Error($"the emulated machine could not be started: {exception.Message}");
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ReportDeviceAccess(void* address) =>
        Log.Fatal($"host code touched the device address {Place.Describe(address)}. Device memory cannot be read or written by the host: copy it with aclrtMemcpy or aclrtMemcpyAsync.");
}
