using System.Runtime.CompilerServices;

namespace Updraft.Device;

// One struct per C handle type: rows say which kind they take, and look it up at the place where the real library checks it.

internal readonly struct ContextHandle
{
    public readonly nint Value;
    internal Context Get() => HandleTable.TryGet(Value, out Context? context) ? context : throw HandleFailure.Of(Value, "context");
}

internal readonly struct StreamHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;

    /// <summary>The stream, the given one for the NULL handle, or null for anything that is not a live stream.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Stream? GetOrNull(Stream forNull) => HandleTable.TryGet(Value, out Stream? stream) ? stream : Value == 0 ? forNull : null;

    /// <summary>The stream, or null for the NULL handle. Throws 107017 for anything that is not a live stream.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Stream? GetOrNull() => HandleTable.TryGet(Value, out Stream? stream) ? stream : Value == 0 ? null : throw HandleFailure.Of(Value, "stream");
}

internal readonly struct EventHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;
    internal Event Get() => HandleTable.TryGet(Value, out Event? found) ? found : throw HandleFailure.Of(Value, "event");
}

internal readonly struct NotifyHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;
    internal Notify Get() => HandleTable.TryGet(Value, out Notify? found) ? found : throw HandleFailure.Of(Value, "notify");
}

internal readonly struct CountNotifyHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;
    internal CountNotify Get() => HandleTable.TryGet(Value, out CountNotify? found) ? found : throw HandleFailure.Of(Value, "counting notify");
}

/// <summary>A plain object of the interface that programs hold by pointer: a data buffer, a description, a configuration.</summary>
internal readonly struct ObjectHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;

    /// <summary>NULL is the wrapper's 100000; a stale pointer or one of another kind is 107017, never a crash.</summary>
    internal T Get<T>(string name, string kind) where T : class
    {
        Check.That(Value != 0, AclError.InvalidParam, $"{name} is NULL; give a {kind}.");
        return HandleTable.TryGet(Value, out T? found) ? found : throw Failure(name, kind);
    }

    internal AclException Failure(string name, string kind) => new(AclError.RtInvalidHandle, $"{name} (0x{Value:x}) is not a live {kind}: it was destroyed, is an object of another kind, or was never one.");

    internal T? GetOrNull<T>() where T : class => HandleTable.TryGet(Value, out T? found) ? found : null;
}

internal static class HandleFailure
{
    internal static AclException Of(nint handle, string expected) => new(AclError.RtInvalidHandle, HandleTable.Describe(handle, expected));
}
