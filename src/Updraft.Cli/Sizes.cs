using System.Globalization;

namespace Updraft.Cli;

/// <summary>Bytes for people: powers of 1024, one decimal where it says something.</summary>
internal static class Sizes
{
    internal static string Text(ulong bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double value = bytes;
        int unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++)
            value /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }
}
