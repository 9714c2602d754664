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
}
