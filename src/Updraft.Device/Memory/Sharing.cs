using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Updraft.Device;

internal enum SharedKind : byte
{
    Memory = (byte)'m',
    Physical = (byte)'p',
    Notify = (byte)'n',
    Event = (byte)'e',
}

/// <summary>What goes with a file to the process that imports it.</summary>
internal struct SharedPayload
{
    internal ulong Bytes;

    /// <summary>The machine's number of the owning device: processes may number the devices they see differently.</summary>
    internal int PhysicalDevice;
    internal int Number;
    internal aclrtPhysicalMemProp Properties;
}

/// <summary>Something this process has exported.</summary>
internal sealed class SharedItem(SharedKind kind, ulong id, int file, in SharedPayload payload, bool isOpenToAll)
{
    internal readonly SharedKind Kind = kind;
    internal readonly ulong Id = id;
    internal readonly int File = file;
    internal readonly SharedPayload Payload = payload;

    /// <summary>Exported without a list of processes.</summary>
    internal readonly bool IsOpenToAll = isOpenToAll;
    internal readonly HashSet<int> Processes = [];

    internal SharedKey Key => new(Kind, Environment.ProcessId, Id, SharedKey.ThisMachine);
}

/// <summary>The name of an exported thing: whose it is, and which. As text it has exactly 64 characters.</summary>
internal readonly record struct SharedKey(SharedKind Kind, int ProcessId, ulong Id, ulong Machine)
{
    internal const int TextLength = 64;
    private const string Prefix = "updraft";

    /// <summary>Tells machines apart: a key means something only where it was made.</summary>
    internal static readonly ulong ThisMachine = IdentifyMachine();

    private static ulong IdentifyMachine()
    {
        try
        {
            return BitConverter.ToUInt64(SHA256.HashData(File.ReadAllBytes("/proc/sys/kernel/random/boot_id")));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    public override string ToString() => $"{Prefix}{(char)Kind}{ProcessId:x8}{Id:x16}{Machine:x16}".PadRight(TextLength, '0');

    internal static bool TryParse(ReadOnlySpan<byte> bytes, SharedKind kind, out SharedKey key)
    {
        key = default;
        string text = Encoding.Latin1.GetString(bytes);
        if (text.Length != TextLength || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length] != (char)kind
            || !int.TryParse(text.AsSpan(8, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int process)
            || !ulong.TryParse(text.AsSpan(16, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong id)
            || !ulong.TryParse(text.AsSpan(32, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong machine))
        {
            return false;
        }
        key = new SharedKey(kind, process, id, machine);
        return true;
    }
}

/// <summary>
/// How processes of one machine come to the same memory. Who exports something listens, from then on, on a socket whose abstract name
/// carries the process number; who imports connects, names the thing, and gets the memory file itself. No names are left anywhere:
/// socket and files vanish with the processes, also with those that are killed. What an importer has mapped stays when the exporter
/// dies; a later import says that the exporter is gone.
/// </summary>
internal static unsafe class Sharing
{
    private const uint Magic = 0x55504452;
    private const int TimeoutSeconds = 10;

    private enum Answer { Found, Unknown, NotListed }

    private struct Request
    {
        internal uint Magic;
        internal SharedKind Kind;
        internal ulong Id;
    }

    private struct Reply
    {
        internal uint Magic;
        internal Answer Answer;
        internal SharedPayload Payload;
    }

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<ulong, SharedItem> s_items = [];
    private static bool s_isListening;

    /// <summary>Makes a thing known to other processes. Short ids fit into half of a 64-bit handle.</summary>
    internal static SharedItem Export(SharedKind kind, int file, in SharedPayload payload, bool isOpenToAll)
    {
        lock (s_lock)
        {
            if (!s_isListening)
            {
                Listen();
                s_isListening = true;
            }
            ulong id;
            do
            {
                id = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));
            }
            while (id == 0 || s_items.ContainsKey(id));
            var item = new SharedItem(kind, id, file, payload, isOpenToAll);
            s_items.Add(id, item);
            return item;
        }
    }

    internal static SharedItem? Find(SharedKey key)
    {
        lock (s_lock)
        {
            return key.ProcessId == Environment.ProcessId && key.Machine == SharedKey.ThisMachine && s_items.TryGetValue(key.Id, out SharedItem? item) && item.Kind == key.Kind ? item : null;
        }
    }

    internal static void Withdraw(SharedItem item)
    {
        lock (s_lock)
        {
            s_items.Remove(item.Id);
        }
    }

    internal static void Clear()
    {
        lock (s_lock)
        {
            s_items.Clear();
        }
    }

    /// <summary>Lets these processes import it. 207006 when it is open to all, or not ours.</summary>
    internal static void Allow(SharedItem? item, int* pids, nuint count, string what)
    {
        Check.That(item != null, AclError.RtNoPermission, $"This process has not exported {what}; only the exporter lists who may import it.");
        Check.That(!item.IsOpenToAll, AclError.RtNoPermission, $"{what} was exported without a list of processes; every process may import it.");
        lock (s_lock)
        {
            Check.That(count <= (nuint)(Chip.Current.PidsPerKey - item.Processes.Count), AclError.RtParamInvalid, $"{count} more processes are too many: at most {Chip.Current.PidsPerKey} can be listed.");
            for (nuint index = 0; index < count; index++)
            {
                item.Processes.Add(pids[index]);
            }
        }
    }

    // --- The exporter's side ---------------------------------------------------------------------------------------------------------

    private static uint Name(int process, Posix.SocketAddress* address)
    {
        *address = default;
        address->Family = Posix.AF_UNIX;
        // The first byte of the path stays 0: a name that is in no directory.
        int length = Encoding.ASCII.GetBytes($"updraft-{process}", new Span<byte>(address->Path + 1, 107));
        return (uint)(sizeof(ushort) + 1 + length);
    }

    private static void Listen()
    {
        int socket = Posix.socket(Posix.AF_UNIX, Posix.SOCK_SEQPACKET | Posix.SOCK_CLOEXEC, 0);
        Posix.SocketAddress address;
        uint bytes = Name(Environment.ProcessId, &address);
        if (socket < 0 || Posix.bind(socket, &address, bytes) != 0 || Posix.listen(socket, 128) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            _ = Posix.close(socket);
            Check.Fail(AclError.RtIpcError, $"This process cannot be reached by others: its socket could not be opened (errno {error}).");
        }
        new Thread(() => Serve(socket), 128 << 10) { IsBackground = true, Name = "updraft sharing" }.Start();
    }

    private static void Serve(int socket)
    {
        while (true)
        {
            int client = Posix.accept4(socket, null, null, Posix.SOCK_CLOEXEC);
            if (client >= 0)
            {
                Limit(client, 1);
                AnswerOne(client);
                _ = Posix.close(client);
            }
            else if (Marshal.GetLastPInvokeError() != Posix.EINTR)
            {
                Thread.Sleep(10); // Out of files, for instance: the importer waits.
            }
        }
    }

    private static void AnswerOne(int client)
    {
        Request request;
        var vector = new Posix.Vector { Start = &request, Bytes = (nuint)sizeof(Request) };
        var message = new Posix.Message { Vectors = &vector, VectorCount = 1 };
        Posix.Credentials peer;
        uint bytes = (uint)sizeof(Posix.Credentials);
        if (Posix.recvmsg(client, &message, 0) != sizeof(Request) || request.Magic != Magic || Posix.getsockopt(client, Posix.SOL_SOCKET, Posix.SO_PEERCRED, &peer, &bytes) != 0)
        {
            return;
        }
        lock (s_lock)
        {
            var reply = new Reply { Magic = Magic, Answer = Answer.Unknown };
            int file = -1;
            if (s_items.TryGetValue(request.Id, out SharedItem? item) && item.Kind == request.Kind)
            {
                bool isSameUser = peer.UserId == Posix.geteuid() || peer.UserId == 0;
                bool isListed = item.IsOpenToAll || peer.ProcessId == Environment.ProcessId || item.Processes.Contains(peer.ProcessId);
                reply.Answer = isSameUser && isListed ? Answer.Found : Answer.NotListed;
                file = reply.Answer == Answer.Found ? item.File : -1;
                reply.Payload = item.Payload;
            }
            // The file is sent under the lock: nobody closes it meanwhile.
            Send(client, &reply, (nuint)sizeof(Reply), file);
        }
    }

    private static void Send(int socket, void* bytes, nuint count, int file)
    {
        var vector = new Posix.Vector { Start = bytes, Bytes = count };
        var message = new Posix.Message { Vectors = &vector, VectorCount = 1 };
        var control = new Posix.FileMessage { Length = 20, Level = Posix.SOL_SOCKET, Type = Posix.SCM_RIGHTS, File = file };
        if (file >= 0)
        {
            message.Control = &control;
            message.ControlBytes = (nuint)sizeof(Posix.FileMessage);
        }
        _ = Posix.sendmsg(socket, &message, Posix.MSG_NOSIGNAL);
    }

    private static void Limit(int socket, int seconds)
    {
        var time = new Posix.Time { Seconds = seconds };
        _ = Posix.setsockopt(socket, Posix.SOL_SOCKET, Posix.SO_RCVTIMEO, &time, (uint)sizeof(Posix.Time));
        _ = Posix.setsockopt(socket, Posix.SOL_SOCKET, Posix.SO_SNDTIMEO, &time, (uint)sizeof(Posix.Time));
    }

    // --- The importer's side ---------------------------------------------------------------------------------------------------------

    /// <summary>Asks the exporter for the file behind the key. The caller owns it. Throws what went wrong.</summary>
    internal static int Open(SharedKey key, out SharedPayload payload)
    {
        if (key.Machine != SharedKey.ThisMachine)
        {
            Check.Fail(AclError.RtFeatureNotSupport, "The key was made on another machine; memory is shared between processes of one machine only.", isStored: false);
        }
        int socket = Posix.socket(Posix.AF_UNIX, Posix.SOCK_SEQPACKET | Posix.SOCK_CLOEXEC, 0);
        Check.That(socket >= 0, AclError.RtResourceAllocFail, "The process may not open more files; raise `ulimit -n`.");
        try
        {
            Limit(socket, TimeoutSeconds);
            Posix.SocketAddress address;
            uint bytes = Name(key.ProcessId, &address);
            Check.That(Posix.connect(socket, &address, bytes) == 0, AclError.RtParamInvalid, $"Process {key.ProcessId}, which exported the key, is gone or has exported nothing.");
            var request = new Request { Magic = Magic, Kind = key.Kind, Id = key.Id };
            Send(socket, &request, (nuint)sizeof(Request), -1);
            return Receive(socket, key, out payload);
        }
        finally
        {
            _ = Posix.close(socket);
        }
    }

    private static int Receive(int socket, SharedKey key, out SharedPayload payload)
    {
        Reply reply;
        Posix.FileMessage control;
        var vector = new Posix.Vector { Start = &reply, Bytes = (nuint)sizeof(Reply) };
        var message = new Posix.Message { Vectors = &vector, VectorCount = 1, Control = &control, ControlBytes = (nuint)sizeof(Posix.FileMessage) };
        nint received;
        do
        {
            received = Posix.recvmsg(socket, &message, Posix.MSG_CMSG_CLOEXEC);
        }
        while (received < 0 && Marshal.GetLastPInvokeError() == Posix.EINTR);
        Check.That(received == sizeof(Reply) && reply.Magic == Magic, AclError.RtIpcError, $"Process {key.ProcessId}, which exported the key, did not answer; it is stopped or ended during the import.");
        Check.That(reply.Answer != Answer.Unknown, AclError.RtParamInvalid, $"Process {key.ProcessId} knows no such key: it was closed, or the memory was freed.");
        Check.That(reply.Answer != Answer.NotListed, AclError.RtNoPermission, $"Process {Environment.ProcessId} is not among those that process {key.ProcessId} lets import the key.");
        Check.That(message.ControlBytes >= 20 && control is { Level: Posix.SOL_SOCKET, Type: Posix.SCM_RIGHTS }, AclError.RtResourceAllocFail, "The shared file did not arrive; the process may not open more files, raise `ulimit -n`.");
        payload = reply.Payload;
        return control.File;
    }

    /// <summary>This process's number of a device of the machine; the current one when it may not see that device.</summary>
    internal static Device Local(int physicalDevice)
    {
        foreach (Device device in Machine.Devices)
        {
            if (device.PhysicalId == physicalDevice)
            {
                return device;
            }
        }
        return Current.ContextOrNull?.Device ?? Machine.Devices[0];
    }
}
