using System.Text;

namespace Updraft.Device;

/// <summary>
/// Functions of other libraries that want to know of aclInit and aclFinalize, in the order they were registered. One that registers
/// for an initialisation that has already taken place is called at once: it could not learn of it otherwise.
/// </summary>
internal static unsafe class LifecycleCallbacks
{
    private readonly record struct Entry(aclRegisterCallbackType Type, nint Function, nint Argument);

    private static readonly List<Entry> s_init = [], s_finalize = [];
    private static byte[]? s_configuration;

    internal static void AddInit(aclRegisterCallbackType type, nint function, void* argument)
    {
        byte[]? configuration;
        bool isNew;
        lock (s_init)
        {
            isNew = Add(s_init, type, function, argument);
            configuration = s_configuration;
        }
        if (isNew && configuration != null)
        {
            CallInit(new Entry(type, function, (nint)argument), configuration);
        }
    }

    internal static void AddFinalize(aclRegisterCallbackType type, nint function, void* argument)
    {
        lock (s_init)
        {
            Add(s_finalize, type, function, argument);
        }
    }

    internal static void RemoveInit(aclRegisterCallbackType type, nint function) => Remove(s_init, type, function);
    internal static void RemoveFinalize(aclRegisterCallbackType type, nint function) => Remove(s_finalize, type, function);

    /// <summary>aclInit has read its configuration. The first function that fails makes aclInit fail.</summary>
    internal static void Initialized(string? configuration)
    {
        byte[] text = Encoding.UTF8.GetBytes((configuration ?? "") + "\0");
        Entry[] entries;
        lock (s_init)
        {
            entries = [.. s_init];
            s_configuration = text;
        }
        foreach (Entry entry in entries)
        {
            CallInit(entry, text);
        }
    }

    /// <summary>aclFinalize: all are called, even when one fails; the first failure is thrown.</summary>
    internal static void Finalized()
    {
        Entry[] entries;
        lock (s_init)
        {
            entries = [.. s_finalize];
            s_configuration = null;
        }
        int failure = 0;
        foreach (Entry entry in entries)
        {
            int code = (int)HostGuard.Call((nuint)entry.Function, (nuint)entry.Argument);
            failure = failure == 0 ? code : failure;
        }
        Check.That(failure == 0, (AclError)failure, $"A callback of aclFinalizeCallbackRegister returned {failure}.");
    }

    internal static void Clear()
    {
        lock (s_init)
        {
            s_init.Clear();
            s_finalize.Clear();
            s_configuration = null;
        }
    }

    private static void CallInit(Entry entry, byte[] configuration)
    {
        fixed (byte* text = configuration)
        {
            int code = (int)HostGuard.Call((nuint)entry.Function, (nuint)text, (nuint)configuration.Length - 1, (nuint)entry.Argument);
            Check.That(code == 0, (AclError)code, $"The callback of aclInitCallbackRegister for {entry.Type} returned {code}.");
        }
    }

    private static bool Add(List<Entry> entries, aclRegisterCallbackType type, nint function, void* argument)
    {
        CheckArguments(type, function);
        if (entries.Exists(entry => entry.Type == type && entry.Function == function))
        {
            return false;
        }
        entries.Add(new Entry(type, function, (nint)argument));
        return true;
    }

    private static void Remove(List<Entry> entries, aclRegisterCallbackType type, nint function)
    {
        CheckArguments(type, function);
        lock (s_init)
        {
            entries.RemoveAll(entry => entry.Type == type && entry.Function == function);
        }
    }

    private static void CheckArguments(aclRegisterCallbackType type, nint function)
    {
        Check.NotNull((void*)function, "cbFunc");
        Check.That(Enum.IsDefined(type), AclError.InvalidParam, $"type is {(int)type}; expected a value of aclRegisterCallbackType.");
    }
}
