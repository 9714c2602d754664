// samples/hello-acl/hello.c in C#, call by call: one asynchronous round trip, host -> device -> host.
// This is the level for porting C code. Nothing throws, nothing is kept alive; see csharp-kv-offload for the other level.
using System.Runtime.InteropServices;
using Updraft;
using Updraft.Interop;

// The emulated machine of this process, or the library that is named. Npu does what loading the library does in C.
using Npu npu = args is ["--library", string path] ? Npu.Load(path) : Npu.Open();

unsafe
{
    AclApi acl = npu.Api;
    const int Size = 1 << 20;
    void* host, back, device;
    nint stream;

    Check(acl.aclrtSetDevice(0), "aclrtSetDevice");
    Check(acl.aclrtCreateStream(&stream), "aclrtCreateStream");
    Check(acl.aclrtMallocHost(&host, Size), "aclrtMallocHost");
    Check(acl.aclrtMallocHost(&back, Size), "aclrtMallocHost");
    Check(acl.aclrtMalloc(&device, Size, aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST), "aclrtMalloc");

    new Span<byte>(host, Size).Fill(42);
    Check(acl.aclrtMemcpyAsync(device, Size, host, Size, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream), "aclrtMemcpyAsync");
    Check(acl.aclrtMemcpyAsync(back, Size, device, Size, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST, stream), "aclrtMemcpyAsync");
    Check(acl.aclrtSynchronizeStream(stream), "aclrtSynchronizeStream"); // until here neither buffer may be touched

    bool same = new Span<byte>(host, Size).SequenceEqual(new Span<byte>(back, Size));
    Console.WriteLine($"{Marshal.PtrToStringUTF8((nint)acl.aclrtGetSocName())}: {Size} bytes there and back, {(same ? "equal" : "DIFFERENT")}");

    Check(acl.aclrtFree(device), "aclrtFree");
    Check(acl.aclrtFreeHost(back), "aclrtFreeHost");
    Check(acl.aclrtFreeHost(host), "aclrtFreeHost");
    Check(acl.aclrtDestroyStream(stream), "aclrtDestroyStream");
    Check(acl.aclrtResetDevice(0), "aclrtResetDevice");
    return same ? 0 : 1;

    void Check(int code, string call)
    {
        if (code != 0)
        {
            Console.Error.WriteLine($"{call} returned {code}: {Marshal.PtrToStringUTF8((nint)acl.aclGetRecentErrMsg())}");
            Environment.Exit(1);
        }
    }
}
