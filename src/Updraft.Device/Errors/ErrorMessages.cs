using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>
/// The messages of failed calls, oldest first, until <c>aclGetRecentErrMsg</c> collects and clears them. The layout is the one
/// programs and log parsers know (headline with code, trace-back indented); the sentences are ours.
/// </summary>
internal sealed unsafe class ErrorMessages
{
    /// <summary>Internal messages beyond this number are dropped, as in the real library.</summary>
    private const int MaximumInternal = 1000;

    /// <summary>The real library keeps any number of the others; a program that never asks must not fill its memory here.</summary>
    private const int MaximumItems = 20_000;

    private const string Indent = "        ", InternalIndent = "       ";

    private readonly List<Item> _items = [];
    private readonly HashSet<(string Code, string Text)> _known = [];
    private int _internal;
    private byte* _text;

    ~ErrorMessages() => NativeMemory.Free(_text);

    /// <summary>True when all threads share one list: <c>"err_msg_mode": "1"</c> was given to aclInit.</summary>
    internal static bool IsProcessWide { get; set; }

    private static readonly ErrorMessages s_process = new();

    private readonly record struct Item(string Code, string Text, DateTime Time, int ThreadId)
    {
        internal bool IsInternal => Code is "EE9999" or "EH9999";
    }

    internal void Add(Function function, AclError code, string? text, string? messageCode)
    {
        string sentence = $"{Functions.Name(function)} returned {(int)code} ({AclErrorNames.Of((int)code)}). {text ?? AclErrorNames.Meaning((int)code)}";
        (IsProcessWide ? s_process : this).Add(new Item(messageCode ?? MessageCode(code), sentence, DateTime.Now, ThreadState.Current.ThreadId));
    }

    private void Add(Item item)
    {
        lock (_items)
        {
            if (_items.Count < MaximumItems && (!item.IsInternal || _internal < MaximumInternal) && _known.Add((item.Code, item.Text)))
            {
                _items.Add(item);
                _internal += item.IsInternal ? 1 : 0;
            }
        }
    }

    /// <summary>All messages as one C string that lives until the next call on this thread; null when nothing failed.</summary>
    internal byte* Collect()
    {
        Item[] items = (IsProcessWide ? s_process : this).Take();
        if (items.Length == 0)
        {
            return null;
        }
        string text = Compose(items);
        NativeMemory.Free(_text);
        int capacity = Encoding.UTF8.GetMaxByteCount(text.Length);
        _text = (byte*)NativeMemory.Alloc((nuint)capacity + 1);
        int length = Encoding.UTF8.GetBytes(text, new Span<byte>(_text, capacity));
        _text[length] = 0;
        return _text;
    }

    internal static void ForgetProcess() => s_process.Take();

    private Item[] Take()
    {
        lock (_items)
        {
            Item[] items = [.. _items];
            _items.Clear();
            _known.Clear();
            _internal = 0;
            return items;
        }
    }

    private static string Compose(Item[] items)
    {
        int headline = Array.FindIndex(items, item => !item.IsInternal);
        var text = new StringBuilder();
        if (headline < 0)
        {
            return ComposeInternal(items, text);
        }
        Item first = items[headline];
        text.Append(CultureInfo.InvariantCulture, $"[PID: {Environment.ProcessId}] {Time(first)} {Title(first.Code)}({first.Code}): {Line(first)}\n");
        if (Solution(first.Code) is { } solution)
        {
            text.Append(Indent).Append("Solution: ").Append(solution).Append('\n');
        }
        if (items.Length > 1)
        {
            text.Append("TraceBack (most recent call last):\n");
            for (int index = 0; index < items.Length; index++)
            {
                // The headline is told once if it came first; later, it keeps its place among the others.
                if (index != headline || headline != 0)
                {
                    text.Append(Indent).Append(Line(items[index])).Append('\n');
                }
            }
        }
        return text.ToString();
    }

    private static string ComposeInternal(Item[] items, StringBuilder text)
    {
        string code = items[0].Code;
        text.Append(CultureInfo.InvariantCulture, $"{code}: Internal error!\n{code}[PID: {Environment.ProcessId}] {Time(items[0])} ({code}):  {Line(items[0])}\nTraceBack (most recent call last):\n");
        foreach (Item item in items.AsSpan(1))
        {
            text.Append(InternalIndent).Append(Line(item)).Append('\n');
        }
        return text.ToString();
    }

    private static string Time(Item item) => string.Create(CultureInfo.InvariantCulture, $"{item.Time:yyyy-MM-dd-HH:mm:ss.fff}.{item.Time.Microsecond:000}");

    private static string Line(Item item) => IsProcessWide ? $"{item.Text}[THREAD:{item.ThreadId}]" : item.Text;

    /// <summary>Which of the documented message codes a failure belongs to, when the check did not say.</summary>
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
        "EH0003" => "Invalid_Path",
        "EE1005" or "EH0006" => "Not_Supported",
        "EE1002" => "Timeout",
        "EE1013" or "EE1023" or "EE1019" => "Resource_Error",
        "EE1018" or "EE1010" or "EE1007" => "Call_Sequence_Error",
        _ => "Invalid_Argument",
    };

    /// <summary>What helps in general; what helps in particular is in the sentence.</summary>
    private static string? Solution(string messageCode) => messageCode switch
    {
        "EE1002" => "Find out what the stream waits for (a host function, an event nobody records, a notify), or give more time.",
        "EE1023" or "EE1013" or "EE1019" => "Destroy or free what is no longer needed, or synchronise before queueing more.",
        "EE1005" or "EH0006" => "`updraft api NAME` says whether Updraft has the function, and on which chips; UPDRAFT_SOC chooses the chip.",
        _ => null,
    };
}
