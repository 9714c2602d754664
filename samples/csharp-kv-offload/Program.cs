// KV-cache offload, the way serving engines do it; samples/kv-offload in C#: the same copies, the same checksum.
//
// The device holds a paged KV cache: for every layer a K and a V tensor, each cut into blocks. Half of the blocks are swapped out to
// pinned host memory and come back into other places of the cache. Every block is one asynchronous copy.
//
//   stream `leaving`    per layer:  copy the victims to the host, record `left[layer]`
//   stream `returning`  per layer:  wait for `left[layer]`, clear the vacated blocks, copy the saved blocks to new places
//
// The clearing between the copies is what makes a missing wait visible: a block cleared before it left is lost.
using System.Diagnostics;
using Updraft;

int layers = 32, blocks = 512, blockBytes = 16 << 10, rounds = 4, seed = 1;
string? library = null;
for (int index = 0; index < args.Length; index += 2)
{
    string? value = index + 1 < args.Length ? args[index + 1] : null;
    switch (args[index])
    {
        case "--library" when value != null: library = value; break;
        case "--layers" when int.TryParse(value, out layers) && layers > 0: break;
        case "--blocks" when int.TryParse(value, out blocks) && blocks > 1: break;
        case "--block-size" when int.TryParse(value, out blockBytes) && blockBytes > 0 && blockBytes % 64 == 0: break;
        case "--rounds" when int.TryParse(value, out rounds) && rounds > 0: break;
        case "--seed" when int.TryParse(value, out seed) && seed > 0: break;
        default:
            Console.Error.WriteLine("usage: csharp-kv-offload [--library PATH] [--layers N] [--blocks N] [--block-size BYTES] [--rounds N] [--seed N]");
            return 2;
    }
}

using Npu npu = library == null ? Npu.Open() : Npu.Load(library);
using NpuDevice device = npu.OpenDevice(0);
int tensors = layers * 2, victims = blocks / 2, words = blockBytes / sizeof(ulong);
long cacheBytes = (long)tensors * blocks * blockBytes, poolBytes = (long)tensors * victims * blockBytes;
Console.WriteLine($"chip        {npu.SocName}, {device.GetMemoryInfo().FreeBytes >> 20} MiB free");
Console.WriteLine($"cache       {layers} layers x K,V x {blocks} blocks x {blockBytes >> 10} KiB = {cacheBytes >> 20} MiB on the device, {poolBytes >> 20} MiB offloaded");

await using NpuStream leaving = device.CreateStream(), returning = device.CreateStream();
using NpuEvent roundDone = device.CreateEvent();
NpuEvent[] left = [.. Enumerable.Range(0, layers).Select(_ => device.CreateEvent())];
using PinnedMemory<ulong> staging = device.AllocateHost<ulong>((long)blocks * words), pool = device.AllocateHost<ulong>(poolBytes / sizeof(ulong));
for (long touched = 0; touched < pool.SizeBytes / sizeof(ulong); touched += 512)
{
    pool[touched] = 0; // the first touch of memory costs more than the copy that is to be timed
}

// Fill the cache. The staging memory is used again for the next tensor, so its copy must have finished.
var cache = new DeviceMemory<ulong>[tensors];
var expected = new ulong[tensors, blocks]; // checksum of the block at every place
for (int tensor = 0; tensor < tensors; tensor++)
{
    cache[tensor] = device.Allocate<ulong>((long)blocks * words);
    for (int block = 0; block < blocks; block++)
    {
        Span<ulong> content = staging.GetSpan((long)block * words, words);
        Generate((ulong)seed * 0x10001 + ((ulong)tensor * (ulong)blocks + (ulong)block) * 0x9E3779B1, content);
        expected[tensor, block] = Checksum(content);
    }
    leaving.Copy(staging, cache[tensor]);
    await leaving.SynchronizeAsync();
}

// Which blocks leave is drawn anew every round; the same list, rotated by one, says where they come back to.
ulong state = (ulong)seed;
int[] table = [.. Enumerable.Range(0, blocks)], slots = [.. Enumerable.Range(0, victims)];
TimeSpan total = default;
for (int round = 0; round < rounds; round++)
{
    Shuffle(table, ref state);
    Shuffle(slots, ref state);
    long start = Stopwatch.GetTimestamp();
    for (int layer = 0; layer < layers; layer++)
    {
        for (int tensor = layer * 2; tensor < layer * 2 + 2; tensor++)
        {
            for (int victim = 0; victim < victims; victim++)
            {
                leaving.Copy(cache[tensor], (long)table[victim] * words, pool, ((long)tensor * victims + slots[victim]) * words, words);
            }
        }
        leaving.Record(left[layer]);
        returning.Wait(left[layer]);
        for (int tensor = layer * 2; tensor < layer * 2 + 2; tensor++)
        {
            for (int victim = 0; victim < victims; victim++)
            {
                returning.Fill(cache[tensor].Slice((long)table[victim] * words, words));
            }
            for (int victim = 0; victim < victims; victim++)
            {
                returning.Copy(pool, ((long)tensor * victims + slots[victim]) * words, cache[tensor], (long)table[(victim + 1) % victims] * words, words);
            }
        }
    }
    // The next round's copies out must see what this round brought in.
    returning.Record(roundDone);
    leaving.Wait(roundDone);
    await returning.SynchronizeAsync(); // enough: its last work comes after everything `leaving` did in this round
    total += Stopwatch.GetElapsedTime(start);

    for (int tensor = 0; tensor < tensors; tensor++)
    {
        ulong[] moved = [.. Enumerable.Range(0, victims).Select(victim => expected[tensor, table[victim]])];
        for (int victim = 0; victim < victims; victim++)
        {
            expected[tensor, table[(victim + 1) % victims]] = moved[victim];
        }
    }
}
long copies = 2L * rounds * tensors * victims;
double bytes = (double)copies * blockBytes;
Console.WriteLine($"moved       {copies} copies of {blockBytes >> 10} KiB, {bytes / (1 << 20):F0} MiB in {total.TotalSeconds:F3} s: {bytes / total.TotalSeconds / 1e9:F2} GB/s");

int wrong = 0;
ulong whole = 0;
for (int tensor = 0; tensor < tensors; tensor++)
{
    leaving.Copy(cache[tensor], staging);
    await leaving.SynchronizeAsync();
    for (int block = 0; block < blocks; block++)
    {
        ulong sum = Checksum(staging.GetSpan((long)block * words, words));
        whole = (whole ^ sum) * 0x100000001B3;
        if (sum != expected[tensor, block] && wrong++ < 5)
        {
            Console.Error.WriteLine($"layer {tensor / 2} {(tensor % 2 == 0 ? 'K' : 'V')} block {block}: checksum {sum:x16}, expected {expected[tensor, block]:x16}");
        }
    }
}
foreach (IDisposable each in cache.Concat<IDisposable>(left))
{
    each.Dispose();
}
Console.WriteLine(wrong == 0 ? $"checksum    {whole:x16} over {tensors * blocks} blocks: every byte is where it belongs" : $"checksum    {wrong} of {tensors * blocks} blocks are WRONG");
return wrong == 0 ? 0 : 1;

// splitmix64: small, fast, and any block can be made without its predecessors.
static ulong Next(ref ulong state)
{
    ulong value = state += 0x9E3779B97F4A7C15;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
}

static void Generate(ulong seed, Span<ulong> block)
{
    foreach (ref ulong word in block)
    {
        word = Next(ref seed);
    }
}

// FNV-1a over 64-bit words with a final mix: every byte counts, and so does its place.
static ulong Checksum(ReadOnlySpan<ulong> block)
{
    ulong sum = 0xCBF29CE484222325;
    foreach (ulong word in block)
    {
        sum = (sum ^ word) * 0x100000001B3;
    }
    return sum ^ (sum >> 29);
}

static void Shuffle(int[] items, ref ulong state)
{
    for (int count = items.Length; count > 1; count--)
    {
        int other = (int)(Next(ref state) % (ulong)count);
        (items[count - 1], items[other]) = (items[other], items[count - 1]);
    }
}
