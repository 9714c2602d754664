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

    /// <summary>The command went into the graph of a model instead of the queue; <paramref name="index"/> is its place in that lane.</summary>
    internal virtual void Recorded(Stream stream, int index, in Command command) { }

    /// <summary>A recorded command begins or has ended as part of an execution of its graph, on the stream that runs its lane.</summary>
    internal virtual void ReplayStarted(Stream runner, Lane lane, int index, in Command command) { }
    internal virtual void ReplayFinished(Stream runner, Lane lane, int index, in Command command, AclError result) { }

    internal virtual void Allocated(nuint address, nuint bytes, int device) { }
    internal virtual void Freed(nuint address, int device) { }

    /// <summary>The program marked a moment (aclprofMark and the like): on the calling thread, or, with a stream, when the stream came by.</summary>
    internal virtual void Mark(string text, Stream? stream) { }

    /// <summary>A range of the program's own begins. Its number is unique in the process; ranges of one thread may nest, others may overlap.</summary>
    internal virtual void RangePush(uint range, string text, Stream? stream) { }
    internal virtual void RangePop(uint range, Stream? stream) { }
}
