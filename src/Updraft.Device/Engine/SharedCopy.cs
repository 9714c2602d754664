namespace Updraft.Device;

/// <summary>A large copy that several threads work on; its units are bytes.</summary>
internal sealed unsafe class SharedCopy : SharedWork
{
    [ThreadStatic]
    private static SharedCopy? t_own;

    private byte* _to, _from;
    private bool _isGuarded;
    private volatile bool _hasFaulted;

    /// <summary>Goes on with a copy at <paramref name="done"/>; true when it is complete, false when other streams need the thread.</summary>
    internal static bool Run(byte* to, byte* from, nuint bytes, nuint piece, ref nuint done) => Run(to, from, bytes, piece, ref done, isGuarded: false, out _);

    /// <summary>As the other, for memory that may not be there: <paramref name="hasFaulted"/> says that a piece could not be touched.</summary>
    internal static bool RunGuarded(byte* to, byte* from, nuint bytes, nuint piece, ref nuint done, out bool hasFaulted) => Run(to, from, bytes, piece, ref done, isGuarded: true, out hasFaulted);

    private static bool Run(byte* to, byte* from, nuint bytes, nuint piece, ref nuint done, bool isGuarded, out bool hasFaulted)
    {
        SharedCopy copy = t_own ??= new SharedCopy();
        copy._to = to;
        copy._from = from;
        (copy._isGuarded, copy._hasFaulted) = (isGuarded, false);
        bool isComplete = copy.Run(bytes, piece, ref done);
        hasFaulted = copy._hasFaulted;
        return isComplete;
    }

    protected override void Do(nuint first, nuint count)
    {
        if (!_isGuarded)
        {
            CopyEngine.CopyPiece(_to + first, _from + first, count);
        }
        else if (!HostGuard.TryCopyHere(_to + first, _from + first, count))
        {
            _hasFaulted = true;
            TakeNoMore();
        }
    }
}

/// <summary>A large rectangle; its units are rows.</summary>
internal sealed unsafe class SharedRectangle : SharedWork
{
    [ThreadStatic]
    private static SharedRectangle? t_own;

    private byte* _to, _from;
    private nuint _toPitch, _fromPitch, _width;

    internal static bool Run(byte* to, nuint toPitch, byte* from, nuint fromPitch, nuint width, nuint height, nuint pieceRows, ref nuint done)
    {
        SharedRectangle copy = t_own ??= new SharedRectangle();
        copy._to = to;
        copy._from = from;
        (copy._toPitch, copy._fromPitch, copy._width) = (toPitch, fromPitch, width);
        return copy.Run(height, pieceRows, ref done);
    }

    protected override void Do(nuint first, nuint count) => CopyEngine.CopyRows(_to + first * _toPitch, _toPitch, _from + first * _fromPitch, _fromPitch, _width, count);
}
