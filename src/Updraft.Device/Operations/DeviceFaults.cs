namespace Updraft.Device;

/// <summary>Faults of a device: what happened, aborting all of its tasks, repair. An emulated device has no fault of its own.</summary>
internal static unsafe class DeviceFaults
{
    /// <summary>Drops everything queued on the device. The timeout is in milliseconds; 0: no limit.</summary>
    internal static AclError AbortTasks(int deviceId, uint timeoutMs)
    {
        Device device = Current.DeviceById(deviceId);
        Check.That(device.IsSet, AclError.RtDevSetupError, $"Device {deviceId} is not set; there are no tasks to abort.");
        Ask(device, aclrtDeviceTaskAbortStage.ACL_RT_DEVICE_TASK_ABORT_PRE, timeoutMs);
        if (!device.AbortTasks(timeoutMs == 0 ? Timeout.Infinite : (int)Math.Min(timeoutMs, int.MaxValue)))
        {
            return AclError.RtWaitTimeout;
        }
        Ask(device, aclrtDeviceTaskAbortStage.ACL_RT_DEVICE_TASK_ABORT_POST, timeoutMs);
        return AclError.Success;
    }

    private static void Ask(Device device, aclrtDeviceTaskAbortStage stage, uint timeoutMs)
    {
        if (TaskAbort.Call(device, stage, timeoutMs) is { } refusal)
        {
            Check.Fail(AclError.RtInternalError, $"The task-abort callback \"{refusal.Name}\" returned {refusal.Result} at {stage}.");
        }
    }

    internal static void RegisterAbortCallback(byte* name, nint callback, void* argument) => StateCallback.Register(TaskAbort.Callbacks, name, callback, argument);
    internal static void RegisterStateCallback(byte* name, nint callback, void* argument) => StateCallback.Register(DeviceState.Callbacks, name, callback, argument);

    /// <summary>Memory with uncorrectable errors: none.</summary>
    internal static void MemoryErrors(int deviceId, aclrtMemUceInfo* entries, nuint count, nuint* found)
    {
        Check.NotNull(entries, "memUceInfoArray");
        Check.NotNull(found, "retSize");
        Check.That(count > 0, AclError.RtParamInvalid, "arraySize is 0; give room for at least one entry.");
        _ = Current.DeviceById(deviceId);
        *found = 0;
    }

    internal static void RepairMemory(int deviceId, aclrtMemUceInfo* entries, nuint count)
    {
        Check.NotNull(entries, "memUceInfoArray");
        Check.That(count > 0, AclError.RtParamInvalid, "arraySize is 0; give at least one entry.");
        _ = Current.DeviceById(deviceId);
        Check.Fail(AclError.RtParamInvalid, $"Device {deviceId} has no memory error at 0x{(nuint)entries->addr:x}; there is nothing to repair.");
    }

    internal static void LatestError(int deviceId, aclrtErrorInfo* info)
    {
        Check.NotNull(info, "errorInfo");
        _ = Current.DeviceById(deviceId);
        // A structure this large is cleared by the C library, where a fault is not ours to catch.
        Check.That(HostGuard.CanWrite(info, (nuint)sizeof(aclrtErrorInfo)), AclError.RtParamInvalid, $"errorInfo (0x{(nuint)info:x}) does not point to {sizeof(aclrtErrorInfo)} writable bytes.");
        *info = default;
        info->errorType = aclrtErrorType.ACL_RT_NO_ERROR;
    }

    internal static void Repair(int deviceId, aclrtErrorInfo* info)
    {
        Check.NotNull(info, "errorInfo");
        _ = Current.DeviceById(deviceId);
        Check.Fail(AclError.RtParamInvalid, $"Device {deviceId} has no error of type {(int)info->errorType}; there is nothing to repair.");
    }
}
