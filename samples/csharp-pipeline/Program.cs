// A pipeline: read a file, upload, download, check; all at the same time, with progress.
//
//   chunk n      read ─► upload ─► download ─► check
//   chunk n+1           read ─► upload ─► download ─► check
//
// Every chunk in flight has its own memory and stream, so nothing waits for its neighbours; the number of those sets is what limits
// the memory. Awaiting costs no thread: one `await` per chunk, wherever the thread pool has a place.
using System.Diagnostics;
using Updraft;

const int ChunkBytes = 4 << 20, InFlight = 4;
string? library = null, file = null;
for (int index = 0; index + 1 < args.Length; index += 2)
{
    (library, file) = args[index] switch
    {
        "--library" => (args[index + 1], file),
        "--file" => (library, args[index + 1]),
        _ => throw new ArgumentException($"usage: csharp-pipeline [--library PATH] [--file PATH]; not {args[index]}"),
    };
}
bool isMade = file == null;
file ??= MakeFile(64 << 20);

using Npu npu = library == null ? Npu.Open() : Npu.Load(library);
using NpuDevice device = npu.OpenDevice(0);
using FileStream input = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, useAsync: true);
long length = input.Length, done = 0, wrong = 0;
long start = Stopwatch.GetTimestamp();
Lane[] lanes = [.. Enumerable.Range(0, InFlight).Select(_ => new Lane(device))];

// Lane i takes chunks i, i + InFlight, …
await Task.WhenAll(lanes.Select((lane, first) => RunAsync(lane, first)));
foreach (Lane lane in lanes)
{
    lane.Dispose();
}
TimeSpan time = Stopwatch.GetElapsedTime(start);
Console.WriteLine($"{npu.SocName}: {done >> 20} MiB up and down in {time.TotalSeconds:F3} s, {(wrong == 0 ? "equal" : $"{wrong} chunks DIFFERENT")}");
if (isMade)
{
    File.Delete(file);
}
return wrong == 0 && done == length ? 0 : 1;

async Task RunAsync(Lane lane, int first)
{
    for (long offset = (long)first * ChunkBytes; offset < length; offset += (long)InFlight * ChunkBytes)
    {
        int size = (int)Math.Min(ChunkBytes, length - offset);
        // Pinned memory is Memory<T>: the file is read right into what the device copies from.
        for (int read = 0; read < size;)
        {
            read += await RandomAccess.ReadAsync(input.SafeFileHandle, lane.Upload[read..size], offset + read);
        }
        lane.Stream.Copy(lane.Upload[..size], lane.Device);
        lane.Stream.Copy(lane.Device[..size], lane.Download[..size]);
        await lane.Stream.SynchronizeAsync();
        if (!lane.Upload.Span[..size].SequenceEqual(lane.Download.Span[..size]))
        {
            Interlocked.Increment(ref wrong);
        }
        long sum = Interlocked.Add(ref done, size);
        if (!Console.IsOutputRedirected)
        {
            Console.Write($"\r{100 * sum / length,3} %");
        }
    }
}

static string MakeFile(int bytes)
{
    string path = Path.GetTempFileName();
    var content = new byte[bytes];
    new Random(1).NextBytes(content);
    File.WriteAllBytes(path, content);
    return path;
}

/// <summary>What one chunk in flight needs.</summary>
internal sealed class Lane(NpuDevice device) : IDisposable
{
    private const int ChunkBytes = 4 << 20;

    public readonly PinnedMemory<byte> Upload = device.AllocateHost<byte>(ChunkBytes), Download = device.AllocateHost<byte>(ChunkBytes);
    public readonly DeviceMemory<byte> Device = device.Allocate<byte>(ChunkBytes);
    public readonly NpuStream Stream = device.CreateStream();

    public void Dispose()
    {
        Stream.Dispose();
        Device.Dispose();
        Upload.Dispose();
        Download.Dispose();
    }
}
