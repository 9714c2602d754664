namespace Updraft.Device;

/// <summary>
/// The seam for checker and tracer: the three moments of a command and the life of memory. Called on the thread where the moment
/// happens, several at once; an observer keeps its own order. With none attached the engine pays one predictable branch.
/// </summary>
internal abstract class Observer
{
    internal virtual void Queued(Stream stream, long task, in Command command) { }
    internal virtual void Started(Stream stream, long task, in Command command) { }
    internal virtual void Finished(Stream stream, long task, in Command command, AclError result) { }
    internal virtual void Allocated(nuint address, nuint bytes, int device) { }
    internal virtual void Freed(nuint address, int device) { }
}
