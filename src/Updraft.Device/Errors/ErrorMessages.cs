using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>
/// The messages of failed calls, oldest first, until <c>aclGetRecentErrMsg</c> collects and clears them. The layout is the one
/// programs and log parsers know (headline with code, causes indented, trace-back); the sentences are ours.
/// </summary>
internal sealed unsafe class ErrorMessages
{
    private const int MaximumItems = 1000;

    private readonly List<Item> _items = [];
    private byte* _text;

    /// <summary>True when all threads share one list: <c>"err_msg_mode": "1"</c> was given to aclInit.</summary>
    internal static bool IsProcessWide { get; set; }

    private static readonly ErrorMessages s_process = new();

    private readonly record struct Item(string Code, string Text, DateTime Time, int ThreadId);

    internal void Add(Function function, AclError code, string? text)
    {
        ErrorMessages target = IsProcessWide ? s_process : this;
        string sentence = $"{Functions.Name(function)} returned {(int)code} ({AclErrorNames.Of((int)code)}). {text ?? AclErrorNames.Meaning((int)code)}";
        var item = new Item(MessageCode(code), sentence, DateTime.Now, ThreadState.Current.ThreadId);
        lock (target._items)
        {
            foreach (Item earlier in target._items)
            {
                if (earlier.Code == item.Code && earlier.Text == item.Text)
                {
                    return;
                }
            }
            if (target._items.Count < MaximumItems)
            {
                target._items.Add(item);
            }
        }
    }

    /// <summary>All messages as one C string that lives until the next call on this thread; null when nothing failed.</summary>
    internal byte* Collect()
    {
        ErrorMessages source = IsProcessWide ? s_process : this;
        string text;
        lock (source._items)
        {
            if (source._items.Count == 0)
            {
                return null;
            }
            text = Compose(source._items);
            source._items.Clear();
        }
        NativeMemory.Free(_text);
        _text = (byte*)NativeMemory.Alloc((nuint)Encoding.UTF8.GetMaxByteCount(text.Length) + 1);
        int length = Encoding.UTF8.GetBytes(text, new Span<byte>(_text, Encoding.UTF8.GetMaxByteCount(text.Length)));
        _text[length] = 0;
        return _text;
    }

    private static string Compose(List<Item> items)
    {
        var text = new StringBuilder();
        int headline = items.FindIndex(item => item.Code[1] != 'E' || item.Code[2..] != "9999");
        headline = Math.Max(headline, 0);
        Item first = items[headline];
        text.Append(CultureInfo.InvariantCulture, $"[PID: {Environment.ProcessId}] {first.Time:yyyy-MM-dd-HH:mm:ss.fff.ffffff} {Title(first.Code)}({first.Code}): {Line(first)}\n");
        if (items.Count > 1)
        {
            text.Append("TraceBack (most recent call last):\n");
            for (int index = 0; index < items.Count; index++)
            {
                if (index != headline || headline != 0)
                {
                    text.Append("        ").Append(Line(items[index])).Append('\n');
                }
            }
        }
        return text.ToString();
    }

    private static string Line(Item item) => IsProcessWide ? $"{item.Text}[THREAD:{item.ThreadId}]" : item.Text;

    /// <summary>Which of the documented message codes a failure belongs to.</summary>
    private static string MessageCode(AclError code) => (int)code switch
    {
        100000 => "EH0009",
        >= 100003 and <= 100006 => "EH0003",
        >= 100001 and < 200000 and not (>= 107000 and < 108000) => "EH0005",
        200006 => "EH0006",
        207000 => "EE1005",
        107003 or 107004 => "EE1010",
        107000 or 107001 or 107008 or 107016 or 107017 => "EE1001",
        107005 => "EE1007",
        107002 or 107011 or 107012 or 107015 or 507007 or 507910 or 507911 => "EE1018",
        507046 or 507047 => "EE1002",
        507002 => "EE1019",
        207001 => "EE1013",
        >= 207005 and <= 207012 => "EE1023",
        < 200000 or (>= 200000 and < 207000) => "EH9999",
        _ => "EE9999",
    };

    private static string Title(string messageCode) => messageCode switch
    {
        "EE9999" or "EH9999" => "Inner_Error",
        "EH0003" => "Invalid_Path",
        "EE1005" or "EH0006" => "Not_Supported",
        "EE1002" => "Timeout",
        "EE1013" or "EE1023" or "EE1019" => "Resource_Error",
        "EE1018" or "EE1010" or "EE1007" => "Call_Sequence_Error",
        _ => "Invalid_Argument",
    };
}
