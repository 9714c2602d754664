using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>Results through pointers: the pointer is tested first, the value is computed after.</summary>
internal static unsafe class Out
{
    internal static void Set<T>(T* target, T value, string name) where T : unmanaged
    {
        Check.NotNull(target, name);
        *target = value;
    }

    internal static void Set<T>(T* target, delegate*<T> value, string name) where T : unmanaged
    {
        Check.NotNull(target, name);
        *target = value();
    }
}

/// <summary>Strings that C keeps a pointer to: made once, never freed.</summary>
internal static unsafe class NativeText
{
    private static readonly Dictionary<string, nint> s_texts = [];

    internal static byte* Of(string text)
    {
        lock (s_texts)
        {
            if (!s_texts.TryGetValue(text, out nint pointer))
            {
                s_texts[text] = pointer = Marshal.StringToCoTaskMemUTF8(text);
            }
            return (byte*)pointer;
        }
    }
}

/// <summary>The last-error slot of the calling thread.</summary>
internal static class LastError
{
    /// <summary>A level other than 0 gives 100000, which the caller cannot tell from an error value; so does the real one.</summary>
    internal static AclError Read(aclrtLastErrLevel level, bool clear)
    {
        if (level != 0)
        {
            return AclError.InvalidParam;
        }
        ThreadState thread = ThreadState.Current;
        AclError code = thread.LastError;
        if (clear)
        {
            thread.LastError = AclError.Success;
        }
        return code;
    }
}
