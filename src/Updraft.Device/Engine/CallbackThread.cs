namespace Updraft.Device;

/// <summary>
/// The single hidden thread of a context on which its host functions run, one after another. It starts with the first function. A
/// function that never returns holds its stream and the functions behind it, nothing else.
/// </summary>
internal sealed class CallbackThread(Context context)
{
    private readonly LinkedList<(Stream Stream, long Position, nuint Function, nuint Argument)> _calls = new(), _spare = new();
    private bool _isStarted, _stops;

    internal void Call(Stream stream, long position, nuint function, nuint argument)
    {
        lock (_calls)
        {
            // Whoever halts a stream sets the mark before it drops the calls: either it finds this one, or we see the mark.
            if (stream.Drops)
            {
                return;
            }
            // Nodes are used again: awaits come through here, and cost no garbage.
            if (_spare.Last is { } node)
            {
                _spare.RemoveLast();
                node.Value = (stream, position, function, argument);
                _calls.AddLast(node);
            }
            else
            {
                _calls.AddLast((stream, position, function, argument));
            }
            if (!_isStarted)
            {
                _isStarted = true;
                new Thread(Run, 1 << 20) { IsBackground = true, Name = "updraft callbacks" }.Start();
            }
            Monitor.Pulse(_calls);
        }
    }

    /// <summary>Functions of that stream that have not begun are not called any more.</summary>
    internal void Drop(Stream stream)
    {
        lock (_calls)
        {
            for (LinkedListNode<(Stream Stream, long Position, nuint Function, nuint Argument)>? node = _calls.First, next; node != null; node = next)
            {
                next = node.Next;
                if (node.Value.Stream == stream)
                {
                    _calls.Remove(node);
                }
            }
        }
    }

    /// <summary>The context is gone: the thread ends after the function it is in.</summary>
    internal void Stop()
    {
        lock (_calls)
        {
            _stops = true;
            Monitor.Pulse(_calls);
        }
    }

    private void Run()
    {
        ThreadState.Current.Context = context;
        while (true)
        {
            (Stream Stream, long Position, nuint Function, nuint Argument) call;
            lock (_calls)
            {
                while (_calls.Count == 0)
                {
                    if (_stops)
                    {
                        return;
                    }
                    Monitor.Wait(_calls);
                }
                LinkedListNode<(Stream Stream, long Position, nuint Function, nuint Argument)> node = _calls.First!;
                call = node.Value;
                _calls.RemoveFirst();
                node.Value = default;
                _spare.AddLast(node);
            }
            HostGuard.Call(call.Function, call.Argument);
            call.Stream.HostFunctionEnded(call.Position);
        }
    }
}
