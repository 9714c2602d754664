using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Updraft.Device.Tests;

/// <summary>
/// A second process with a machine of its own: this program again, which answers lines on its standard input instead of running tests.
/// Each line is one call; the answer is its code, and what it gave.
/// </summary>
internal sealed unsafe class MemoryPeer : IDisposable
{
    private const string Variable = "UPDRAFT_TEST_PEER";
    private readonly Process _process;

    internal int ProcessId { get; }

    internal MemoryPeer(string soc = "910b", int devices = 2)
    {
        ProcessStartInfo start = OwnProgram.With();
        start.Environment[Variable] = $"{soc} {devices.ToString(CultureInfo.InvariantCulture)}";
        _process = Process.Start(start)!;
        ProcessId = _process.Id;
    }

    /// <summary>Makes the call there; fails with its message unless it succeeded. Returns what it gave.</summary>
    internal string Ok(string line)
    {
        string answer = Ask(line);
        return answer.StartsWith("0 ", StringComparison.Ordinal) ? answer[2..] : throw new InvalidOperationException($"{line}: {answer}");
    }

    /// <summary>The code that the call returns there.</summary>
    internal int Code(string line) => int.Parse(Ask(line).Split(' ')[0], CultureInfo.InvariantCulture);

    internal string Ask(string line)
    {
        Send(line);
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{line}: the process ended");
    }

    internal void Send(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>SIGKILL; returns when it is gone.</summary>
    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    // --- The other side --------------------------------------------------------------------------------------------------------------

#pragma warning disable CA2255 // The test program is the application.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } options)
        {
            return;
        }
        string[] words = options.Split(' ');
        var machine = new TestMachine(words[0], devices: int.Parse(words[1], CultureInfo.InvariantCulture), hasWatchdog: false);
        var names = new Dictionary<string, nint>();
        while (Console.In.ReadLine() is { } line)
        {
            string result = "";
            int code = Run(machine.Api, line.Split(' '), names, ref result);
            Console.Out.WriteLine(code == 0 ? $"0 {result}" : $"{code} {machine.Message()?.Split('\n')[0]}");
            Console.Out.Flush();
        }
        Environment.Exit(0);
    }

    private static int Run(AclApi api, string[] words, Dictionary<string, nint> names, ref string result)
    {
        nint Named(int index) => names[words[index]];
        nuint Number(int index) => (nuint)ulong.Parse(words[index], CultureInfo.InvariantCulture);
        void* pointer = null;
        nint handle = 0;
        byte* key = stackalloc byte[128];
        int code;
        switch (words[0])
        {
            case "device":
                return api.aclrtSetDevice((int)Number(1));
            case "malloc": // name size
                code = api.aclrtMalloc(&pointer, Number(2), 0);
                names[words[1]] = (nint)pointer;
                return code;
            case "free":
                return api.aclrtFree((void*)Named(1));
            case "fill": // name offset value size
                return api.aclrtMemset((byte*)Named(1) + Number(2), Number(4), (int)Number(3), Number(4));
            case "read": // name offset
                byte value;
                code = api.aclrtMemcpy(&value, 1, (byte*)Named(1) + Number(2), 1, aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST);
                result = value.ToString(CultureInfo.InvariantCulture);
                return code;
            case "export": // name size flags
                code = api.aclrtIpcMemGetExportKey((void*)Named(1), Number(2), key, 65, Number(3));
                result = Encoding.ASCII.GetString(key, code == 0 ? 64 : 0);
                return code;
            case "allow": // key pid
                int pid = (int)Number(2);
                fixed (byte* text = Text(words[1]))
                {
                    return api.aclrtIpcMemSetImportPid(text, &pid, 1);
                }
            case "import": // name key flags
                fixed (byte* text = Text(words[2]))
                {
                    code = api.aclrtIpcMemImportByKey(&pointer, text, Number(3));
                    names[words[1]] = (nint)pointer;
                    return code;
                }
            case "close":
                fixed (byte* text = Text(words[1]))
                {
                    return api.aclrtIpcMemClose(text);
                }
            case "physical": // name size
                aclrtPhysicalMemProp properties = new() { memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE, location = new() { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };
                code = api.aclrtMallocPhysical(&handle, Number(2), &properties, 0);
                names[words[1]] = handle;
                return code;
            case "map": // name handle size
                code = api.aclrtReserveMemAddress(&pointer, Number(3), 0, null, 0);
                names[words[1]] = (nint)pointer;
                return code != 0 ? code : api.aclrtMapMem(pointer, Number(3), 0, Named(2), 0);
            case "share": // handle flags
                ulong shareable;
                code = api.aclrtMemExportToShareableHandle(Named(1), 0, Number(2), &shareable);
                result = shareable.ToString(CultureInfo.InvariantCulture);
                return code;
            case "fabric": // handle flags
                aclrtMemFabricHandle fabric;
                code = api.aclrtMemExportToShareableHandleV2(Named(1), Number(2), aclrtMemSharedHandleType.ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, &fabric);
                result = Convert.ToHexString(new ReadOnlySpan<byte>(&fabric, 128));
                return code;
            case "notify": // name
                code = api.aclrtCreateNotify(&handle, 0);
                names[words[1]] = handle;
                return code;
            case "export-notify": // name flags
                code = api.aclrtNotifyGetExportKey(Named(1), key, 65, Number(2));
                result = Encoding.ASCII.GetString(key, code == 0 ? 64 : 0);
                return code;
            case "import-notify": // name key
                fixed (byte* text = Text(words[2]))
                {
                    code = api.aclrtNotifyImportByKey(&handle, text, 0);
                    names[words[1]] = handle;
                    return code;
                }
            case "record-notify":
                return api.aclrtRecordNotify(Named(1), 0);
            case "wait-notify": // name seconds
                return api.aclrtWaitAndResetNotify(Named(1), 0, (uint)Number(2));
            case "event":
                code = api.aclrtCreateEventExWithFlag(&handle, 0x40);
                names[words[1]] = handle;
                return code;
            case "export-event":
                aclrtIpcEventHandle ipc;
                code = api.aclrtIpcGetEventHandle(Named(1), &ipc);
                result = Convert.ToHexString(new ReadOnlySpan<byte>(&ipc, 64));
                return code;
            case "record-event":
                return api.aclrtRecordEvent(Named(1), 0);
            case "sync":
                return api.aclrtSynchronizeDevice();
            case "mark":
                result = ProcessMark.Own.ToString(CultureInfo.InvariantCulture);
                return 0;
            case "pid":
                result = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
                return 0;
            default:
                throw new ArgumentException(words[0]);
        }
    }

    internal static byte[] Text(string text) => Encoding.ASCII.GetBytes(text + "\0");
}
