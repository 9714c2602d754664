// The calls that CopyBenchmarks makes from C#, made from C: what .NET is measured against. bench/run compiles this into a library.
#include <stddef.h>

typedef int (*copy_async)(void *to, size_t room, const void *from, size_t count, int kind, void *stream);

enum { HOST_TO_DEVICE = 1 };

// `copies` copies of `bytes` bytes on each stream, each of a place of its own; 0, or the first code that is not.
int submit(copy_async copy, void **streams, int stream_count, int copies, char *device, const char *host, size_t bytes)
{
    for (int stream = 0; stream < stream_count; stream++) {
        for (int index = 0; index < copies; index++) {
            size_t offset = (size_t)index * bytes;
            int code = copy(device + offset, bytes, host + offset, bytes, HOST_TO_DEVICE, streams[stream]);
            if (code != 0) {
                return code;
            }
        }
    }
    return 0;
}
