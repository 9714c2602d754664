namespace Updraft.Device;

/// <summary>
/// The single hidden thread of a context on which its host functions run, one after another. It starts with the first function. A
/// function that never returns holds its stream and the functions behind it, nothing else.
/// </summary>
internal sealed unsafe class CallbackThread(Context context)
{
    private readonly Queue<(Stream Stream, nuint Function, nuint Argument)> _calls = new();
    private bool _isStarted, _stops;

    internal void Call(Stream stream, nuint function, nuint argument)
    {
        lock (_calls)
        {
            _calls.Enqueue((stream, function, argument));
            if (!_isStarted)
            {
                _isStarted = true;
                new Thread(Run, 1 << 20) { IsBackground = true, Name = "updraft callbacks" }.Start();
            }
            Monitor.Pulse(_calls);
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
            (Stream stream, nuint function, nuint argument) call;
            lock (_calls)
            {
                while (!_calls.TryDequeue(out call))
                {
                    if (_stops)
                    {
                        return;
                    }
                    Monitor.Wait(_calls);
                }
            }
            HostGuard.Call(call.function, call.argument);
            call.stream.HostFunctionReturned();
        }
    }
}
