using System.Runtime.InteropServices;

namespace Updraft.Benchmarks;

/// <summary>A machine with streams, and memory on both sides that has been touched.</summary>
internal class Bed<T> : IDisposable where T : unmanaged
{
    internal readonly Npu Npu;
    internal readonly NpuDevice Device;
    internal readonly NpuStream[] Streams;
    internal readonly NpuEvent Event;
    internal readonly PinnedMemory<T> Host;
    internal readonly DeviceMemory<T> Memory;

    internal Bed(Npu npu, int elements, int streams = 1)
    {
        Npu = npu;
        Device = npu.OpenDevice(0);
        Streams = [.. Enumerable.Range(0, streams).Select(_ => Device.CreateStream())];
        Event = Device.CreateEvent();
        Host = Device.AllocateHost<T>(elements);
        Memory = Device.Allocate<T>(elements);
        MemoryMarshal.AsBytes(Host.Span).Fill(1);
        Memory.Fill(0);
    }

    internal AclApi Api => Npu.Api;

    internal NpuStream Stream => Streams[0];

    /// <summary>For C calls.</summary>
    internal void MakeCurrent() => Device.Context.MakeCurrent();

    public virtual void Dispose()
    {
        foreach (IDisposable each in Streams.Concat<IDisposable>([Event, Host, Memory, Device, Npu]))
        {
            each.Dispose();
        }
    }
}
