namespace Updraft.Device;

internal static unsafe class SharedKeys
{
    internal static void Freed(nuint address) { }
}
