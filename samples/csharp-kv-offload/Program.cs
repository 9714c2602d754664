// KV-cache offload, the way serving engines do it; the C# form of samples/kv-offload.
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

int layers = 32, blocks = 256, words = 2048, rounds = 4;
string? library = null;
for (int index = 0; index < args.Length; index += 2)
{
    string? value = index + 1 < args.Length ? args[index + 1] : null;
    switch (args[index])
    {
        case "--library" when value != null: library = value; break;
        case "--layers" when int.TryParse(value, out layers) && layers > 0: break;
        case "--blocks" when int.TryParse(value, out blocks) && blocks > 1: break;
        case "--rounds" when int.TryParse(value, out rounds) && rounds > 0: break;
        default:
            Console.Error.WriteLine("usage: csharp-kv-offload [--library PATH] [--layers N] [--blocks N] [--rounds N]");
            return 2;
    }
}

using Npu npu = library == null ? Npu.Open() : Npu.Load(library);
using NpuDevice device = npu.OpenDevice(0);
int tensors = layers * 2, victims = blocks / 2;
Console.WriteLine($"chip        {npu.SocName}, {device.GetMemoryInfo().FreeBytes >> 20} MiB free");
Console.WriteLine($"cache       {layers} layers x K,V x {blocks} blocks x {words * 8 >> 10} KiB = {(long)tensors * blocks * words * 8 >> 20} MiB on the device");

await using NpuStream leaving = device.CreateStream(), returning = device.CreateStream();
using NpuEvent roundDone = device.CreateEvent();
NpuEvent[] left = [.. Enumerable.Range(0, layers).Select(_ => device.CreateEvent())];
using PinnedMemory<ulong> staging = device.AllocateHost<ulong>((long)blocks * words), pool = device.AllocateHost<ulong>((long)tensors * victims * words);
staging.Span.Clear();

// Fill the cache. The staging memory is used again for the next tensor, so its copy must have finished.
var cache = new DeviceMemory<ulong>[tensors];
var expected = new ulong[tensors, blocks]; // which seed the block at every place was made of
for (int tensor = 0; tensor < tensors; tensor++)
{
    cache[tensor] = device.Allocate<ulong>((long)blocks * words);
    for (int block = 0; block < blocks; block++)
    {
        expected[tensor, block] = (ulong)(tensor * blocks + block + 1);
        Generate(expected[tensor, block], staging.Span.Slice(block * words, words));
    }
    leaving.Copy(staging, cache[tensor]);
    await leaving.SynchronizeAsync();
}

var random = new Random(1);
int[] table = [.. Enumerable.Range(0, blocks)], slots = [.. Enumerable.Range(0, victims)];
TimeSpan total = default;
for (int round = 0; round < rounds; round++)
{
    random.Shuffle(table);
    random.Shuffle(slots);
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
    await returning.SynchronizeAsync();
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
double bytes = 2.0 * rounds * tensors * victims * words * 8;
Console.WriteLine($"moved       {2L * rounds * tensors * victims} copies, {bytes / (1 << 20):F0} MiB in {total.TotalSeconds:F3} s: {bytes / total.TotalSeconds / 1e9:F2} GB/s");

int wrong = 0;
var block0 = new ulong[words];
for (int tensor = 0; tensor < tensors; tensor++)
{
    leaving.Copy(cache[tensor], staging);
    await leaving.SynchronizeAsync();
    for (int block = 0; block < blocks; block++)
    {
        Generate(expected[tensor, block], block0);
        wrong += staging.Span.Slice(block * words, words).SequenceEqual(block0) ? 0 : 1;
    }
}
foreach (IDisposable each in cache.Concat<IDisposable>(left))
{
    each.Dispose();
}
Console.WriteLine(wrong == 0 ? $"checked     {tensors * blocks} blocks: every byte is where it belongs" : $"checked     {wrong} of {tensors * blocks} blocks are WRONG");
return wrong == 0 ? 0 : 1;

// splitmix64: small, fast, and any block can be made without its predecessors.
static void Generate(ulong seed, Span<ulong> block)
{
    ulong state = seed * 0x9E3779B97F4A7C15;
    foreach (ref ulong word in block)
    {
        ulong value = state += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        word = value ^ (value >> 31);
    }
}
