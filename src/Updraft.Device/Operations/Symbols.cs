using System.Diagnostics.CodeAnalysis;

namespace Updraft.Device;

/// <summary>
/// Device variables by their host symbol. Symbols are registered by code that comes with a kernel binary; there is no kernel loader
/// here, so every look-up ends with 107043, after the checks that come before it.
/// </summary>
internal static unsafe class Symbols
{
    internal static void Find(void* symbol, void* output, string name)
    {
        Check.NotNull(symbol, nameof(symbol));
        Check.NotNull(output, name);
        LookUp(symbol);
    }

    internal static void CopyFrom(void* dst, nuint dstMax, void* symbol, nuint count, aclrtMemcpyKind kind)
    {
        if (count != 0)
        {
            CheckFrom(dst, dstMax, symbol, count, kind);
            LookUp(symbol);
        }
    }

    internal static void CopyTo(void* symbol, void* src, nuint count, aclrtMemcpyKind kind)
    {
        if (count != 0)
        {
            Check.NotNull(symbol, nameof(symbol));
            Check.NotNull(src, nameof(src));
            CheckKind(kind, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE);
            LookUp(symbol);
        }
    }

    private static void CheckFrom(void* dst, nuint dstMax, void* symbol, nuint count, aclrtMemcpyKind kind)
    {
        Check.NotNull(symbol, nameof(symbol));
        Check.NotNull(dst, nameof(dst));
        Check.That(count <= dstMax, AclError.InvalidParam, $"count ({count} bytes) is larger than dstMax ({dstMax} bytes).");
        CheckKind(kind, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST);
    }

    private static void CheckKind(aclrtMemcpyKind kind, aclrtMemcpyKind direction) =>
        Check.That(kind == direction || kind == aclrtMemcpyKind.ACL_MEMCPY_DEFAULT, AclError.InvalidParam, $"kind is {(int)kind}; expected {direction} or ACL_MEMCPY_DEFAULT.");

    [DoesNotReturn]
    private static void LookUp(void* symbol)
    {
        _ = Current.Context;
        Check.Fail(AclError.RtInvalidSymbol, $"0x{(nuint)symbol:x} is no device variable of this program: Updraft loads no kernel binaries, so none is registered.");
    }
}
