using System.Globalization;

namespace Updraft.Cli;

/// <summary>
/// Curves in characters: bandwidth upwards, a step per half doubling, sizes to the right. Where two curves meet, the later one in the
/// list is drawn; the legend says so by its order.
/// </summary>
internal static class Plot
{
    private const int ColumnWidth = 6, StepsPerDoubling = 2;

    /// <summary>Letters of the curves, in the order of <see cref="CopyBench.Directions"/>.</summary>
    internal static char Letter(string direction) => direction switch
    {
        CopyBench.HostToDevice => 'h',
        CopyBench.DeviceToHost => 'd',
        CopyBench.DeviceToDevice => 'D',
        CopyBench.AcrossDevices => 'p',
        _ => 'm',
    };

    internal static IEnumerable<string> Lines(IReadOnlyList<CopyMeasurement> measurements)
    {
        List<ulong> sizes = [.. measurements.Select(each => each.Bytes).Distinct().Order()];
        int lowest = measurements.Min(Step), highest = measurements.Max(Step);
        for (int step = highest; step >= lowest; step--)
        {
            char[] line = new char[sizes.Count * ColumnWidth];
            Array.Fill(line, ' ');
            foreach (CopyMeasurement each in measurements.Where(each => Step(each) == step))
            {
                // Curves that meet stand side by side, as far as there is room.
                int at = sizes.IndexOf(each.Bytes) * ColumnWidth;
                while (line[at] != ' ')
                    at++;
                line[at] = Letter(each.Direction);
            }
            yield return $"{Label(step),9} | {new string(line).TrimEnd()}".TrimEnd();
        }
        yield return $"{"GB/s",9} +{new string('-', sizes.Count * ColumnWidth)}";
        yield return $"{"",9}   {string.Concat(sizes.Select(size => Short(size).PadRight(ColumnWidth)))}".TrimEnd();
    }

    private static int Step(CopyMeasurement each) => (int)Math.Round(Math.Log2(Math.Max(each.GigabytesPerSecond, 1e-6)) * StepsPerDoubling);

    /// <summary>Only whole doublings are named.</summary>
    private static string Label(int step)
        => step % StepsPerDoubling == 0 ? Math.Pow(2, step / StepsPerDoubling).ToString("0.###", CultureInfo.InvariantCulture) : "";

    private static string Short(ulong bytes) => Sizes.Text(bytes).Replace(" ", "").Replace("iB", "");
}
