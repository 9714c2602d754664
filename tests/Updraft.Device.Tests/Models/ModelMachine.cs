namespace Updraft.Device.Tests.Models;

/// <summary>Short forms that the tests of models share.</summary>
internal static unsafe class ModelMachine
{
    internal const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, D2D = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE;
    internal const uint Persistent = 4, Head = 0, Other = 0x7FFFFFFF;

    internal static nint PersistentStream(this TestMachine machine)
    {
        nint stream;
        machine.Ok(machine.Api.aclrtCreateStreamWithConfig(&stream, 0, Persistent));
        return stream;
    }

    internal static nint Model(this TestMachine machine)
    {
        nint model;
        machine.Ok(machine.Api.aclmdlRIBuildBegin(&model, 0));
        return model;
    }

    internal static nint Bound(this TestMachine machine, nint model, uint flag = Head)
    {
        nint stream = machine.PersistentStream();
        machine.Ok(machine.Api.aclmdlRIBindStream(model, stream, flag));
        return stream;
    }

    internal static void Complete(this TestMachine machine, nint model, nint stream)
    {
        machine.Ok(machine.Api.aclmdlRIEndTask(model, stream));
        machine.Ok(machine.Api.aclmdlRIBuildEnd(model, null));
    }

    internal static void Copy(this TestMachine machine, byte* to, byte* from, nuint bytes, aclrtMemcpyKind kind, nint stream) =>
        machine.Ok(machine.Api.aclrtMemcpyAsync(to, bytes, from, bytes, kind, stream));

    internal static void Sync(this TestMachine machine, nint stream) => machine.Ok(machine.Api.aclrtSynchronizeStream(stream));

    internal static nint ExEvent(this TestMachine machine)
    {
        nint handle;
        machine.Ok(machine.Api.aclrtCreateEventExWithFlag(&handle, 1));
        return handle;
    }

    internal static nint FlagEvent(this TestMachine machine)
    {
        nint handle;
        machine.Ok(machine.Api.aclrtCreateEventWithFlag(&handle, 1));
        return handle;
    }

    internal static void Begin(this TestMachine machine, nint stream, int mode = 0) =>
        machine.Ok(machine.Api.aclmdlRICaptureBegin(stream, (aclmdlRICaptureMode)mode));

    internal static nint End(this TestMachine machine, nint stream)
    {
        nint model;
        machine.Ok(machine.Api.aclmdlRICaptureEnd(stream, &model));
        Assert.NotEqual(0, model);
        return model;
    }

    internal static aclmdlRICaptureStatus Status(this TestMachine machine, nint stream)
    {
        aclmdlRICaptureStatus status;
        machine.Ok(machine.Api.aclmdlRICaptureGetInfo(stream, &status, null));
        return status;
    }

    internal static int LastError(this TestMachine machine) => machine.Api.aclrtGetLastError(0);
}
