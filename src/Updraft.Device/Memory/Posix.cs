using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>The few calls of the C library that the framework does not offer.</summary>
internal static unsafe partial class Posix
{
    internal const int PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2;
    internal const int MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000, MAP_FIXED_NOREPLACE = 0x100000;
    internal const int MADV_DONTNEED = 4, MADV_HUGEPAGE = 14, MADV_DONTDUMP = 16, MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23;
    internal static readonly void* MAP_FAILED = (void*)-1;

    [LibraryImport("libc")]
    internal static partial nint write(int file, void* bytes, nuint count);

    [LibraryImport("libc")]
    internal static partial void* mmap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    internal static partial int munmap(void* address, nuint length);

    [LibraryImport("libc")]
    internal static partial int mprotect(void* address, nuint length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int madvise(void* address, nuint length, int advice);

    [LibraryImport("libc")]
    internal static partial int gettid();

    /// <summary>How C programs name a thread.</summary>
    [LibraryImport("libc")]
    internal static partial ulong pthread_self();

    [LibraryImport("libc")]
    [SuppressGCTransition]
    internal static partial void* memmove(void* destination, void* source, nuint count);

    /// <summary>For sizes at which the collector must not have to wait for the copy.</summary>
    [LibraryImport("libc", EntryPoint = "memmove")]
    internal static partial void* memmovePreemptive(void* destination, void* source, nuint count);

    internal const uint MFD_CLOEXEC = 1;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ftruncate(int file, nint length);

    [LibraryImport("libc")]
    internal static partial int close(int file);

    internal const int RLIMIT_NOFILE = 7;

    internal struct Limit
    {
        internal ulong Current, Maximum;
    }

    [LibraryImport("libc")]
    internal static partial int getrlimit(int resource, Limit* limit);

    [LibraryImport("libc")]
    internal static partial int setrlimit(int resource, Limit* limit);

    // Sockets without a name in the file system, and files that travel through them.
    internal const int AF_UNIX = 1, SOCK_SEQPACKET = 5, SOCK_CLOEXEC = 0x80000, SOL_SOCKET = 1, SCM_RIGHTS = 1, SO_PEERCRED = 17, SO_RCVTIMEO = 20, SO_SNDTIMEO = 21;
    internal const int MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000;
    internal const int EINTR = 4, EAGAIN = 11, ECONNREFUSED = 111;

    internal struct SocketAddress
    {
        internal ushort Family;
        internal fixed byte Path[108];
    }

    internal struct Vector
    {
        internal void* Start;
        internal nuint Bytes;
    }

    internal struct Message
    {
        internal void* Name;
        internal uint NameBytes;
        internal Vector* Vectors;
        internal nuint VectorCount;
        internal void* Control;
        internal nuint ControlBytes;
        internal int Flags;
    }

    /// <summary>A control message that carries one file.</summary>
    internal struct FileMessage
    {
        internal nuint Length;
        internal int Level, Type, File, Padding;
    }

    internal struct Credentials
    {
        internal int ProcessId;
        internal uint UserId, GroupId;
    }

    internal struct Time
    {
        internal nint Seconds, Fraction;
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int bind(int file, SocketAddress* address, uint bytes);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int listen(int file, int waiting);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int accept4(int file, void* address, void* bytes, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int connect(int file, SocketAddress* address, uint bytes);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint sendmsg(int file, Message* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recvmsg(int file, Message* message, int flags);

    [LibraryImport("libc")]
    internal static partial int getsockopt(int file, int level, int option, void* value, uint* bytes);

    [LibraryImport("libc")]
    internal static partial int setsockopt(int file, int level, int option, void* value, uint bytes);

    [LibraryImport("libc")]
    internal static partial uint geteuid();

    /// <summary>With signal 0: whether the process is there.</summary>
    [LibraryImport("libc")]
    internal static partial int kill(int process, int signal);

    [LibraryImport("libc")]
    private static partial int getcpu(uint* cpu, uint* node);

    /// <summary>The NUMA node that the calling thread runs on; 0 where the system cannot tell.</summary>
    internal static int CurrentNode()
    {
        uint node = 0;
        return getcpu(null, &node) == 0 ? (int)node : 0;
    }

    /// <summary>Every host has a first node, also where the system shows none.</summary>
    internal static bool HasNode(int node) => node == 0 || Directory.Exists($"/sys/devices/system/node/node{node}");

    private const int CLOCK_MONOTONIC_COARSE = 6;

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial int clock_gettime(int clock, Time* time);

    /// <summary>Milliseconds of the clock that the kernel advances with its ticks: costs 3 ns to read, where the exact one takes 20.</summary>
    internal static long CoarseMs()
    {
        Time time;
        _ = clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
        return time.Seconds * 1000 + time.Fraction / 1_000_000;
    }

    internal const int FUTEX_WAIT = 0, FUTEX_WAKE = 1;

    private static readonly nint s_futex = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 98 : 202;

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint futex(nint number, int* word, nint operation, nint value, Time* timeout, nint unused, nint unused2);

    /// <summary>Sleeps while the word has that value, in any process that maps it.</summary>
    internal static void FutexWait(int* word, int value, int timeoutMs)
    {
        var timeout = new Time { Seconds = timeoutMs / 1000, Fraction = timeoutMs % 1000 * 1_000_000 };
        _ = futex(s_futex, word, FUTEX_WAIT, value, &timeout, 0, 0);
    }

    internal static void FutexWake(int* word) => _ = futex(s_futex, word, FUTEX_WAKE, int.MaxValue, null, 0, 0);
}
