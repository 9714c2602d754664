using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Updraft.Device;

namespace Updraft.Cli;

/// <summary>
/// `updraft bench [--quick] [--max-size SIZE] [--json]`: bandwidth and latency of copies on this machine, by direction and size, through the
/// library that programs get. The variables of the emulation count as they do for a program.
/// </summary>
internal static class BenchCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Buffers of the largest size: two on the host, two on a device, one on another.</summary>
    private const ulong Buffers = 5;

    internal static Command Create()
    {
        Command command = new("bench", "Measure bandwidth and latency of copies on this machine, by direction and size.");
        Option<bool> quick = new("--quick") { Description = "Fewer sizes up to 1 MiB and shorter runs: within a second or two." };
        Option<string?> largest = new("--max-size") { Description = "Largest copy, such as 16M (default 256M, or what memory allows; with --quick 1M).", HelpName = "SIZE" };
        Option<bool> json = new("--json") { Description = "As JSON." };
        command.Options.Add(quick);
        command.Options.Add(largest);
        command.Options.Add(json);
        command.SetAction(result => Run(result.GetValue(quick), result.GetValue(largest), result.GetValue(json)));
        return command;
    }

    private static int Run(bool quick, string? largestText, bool json)
    {
        ulong largest = Largest(quick, largestText);
        EmulatedMachine machine = EmulatedMachine.FromEnvironment();
        string schedule = Environment.GetEnvironmentVariable("UPDRAFT_SCHEDULE") is { Length: > 0 } text ? Values.OfVariable("UPDRAFT_SCHEDULE", text, Values.Schedule) : "threads";
        Prefix prefix = Prefix.Find();
        if (!File.Exists(prefix.Library))
            throw new FailedException($"{prefix.Library} is missing; 'updraft doctor' says what to do.");
        if (largest * 2 > machine.MemoryBytes)
            throw new UsageException($"--max-size: two buffers of {Sizes.Text(largest)} do not fit into the {Sizes.Text(machine.MemoryBytes)} of a device.");

        string? kernels = DoctorCommand.TryLoad(prefix, out DoctorCommand.Loaded loaded) ? loaded.Kernels : null;
        using CopyBench bench = new(AclApi.Load(prefix.Library), largest, quick);
        List<CopyMeasurement> measurements = [.. bench.Run(Progress(bench.Count))];
        ClearProgress();
        if (json)
            PrintJson(measurements, machine, schedule, kernels, prefix);
        else
            PrintTables(measurements, machine, schedule, kernels, bench.PeerIsMissing);
        return ExitCode.Ok;
    }

    private static ulong Largest(bool quick, string? text)
    {
        if (text is null)
        {
            // A machine that would have to swap measures its disk.
            ulong wanted = quick ? 1 << 20 : CopyBench.LargestBytes, free = (ulong)Math.Max(0, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 2;
            while (wanted * Buffers > free && wanted > 1 << 20)
                wanted /= 4;
            return wanted;
        }
        if (!Options.TryParseSize(text, out ulong largest) || largest < CopyBench.SmallestBytes || largest > 1UL << 30)
            throw new UsageException($"--max-size: \"{text}\" is not a size from {CopyBench.SmallestBytes} to 1G, such as 16M.");
        return largest;
    }

    /// <summary>Somebody who waits longer than two seconds at a terminal sees how far it is; nobody else sees anything.</summary>
    private static Action<string, int>? Progress(int count)
    {
        if (Console.IsErrorRedirected)
            return null;
        long start = Stopwatch.GetTimestamp();
        return (what, done) =>
        {
            if (Stopwatch.GetElapsedTime(start) > s_patience)
                Console.Error.Write($"\r{done * 100 / count,3} %  {what,-30}");
        };
    }

    private static void ClearProgress()
    {
        if (!Console.IsErrorRedirected)
            Console.Error.Write($"\r{"",40}\r");
    }

    private static void PrintTables(List<CopyMeasurement> all, EmulatedMachine machine, string schedule, string? kernels, string? peerIsMissing)
    {
        List<string> directions = [.. CopyBench.Directions.Where(direction => all.Any(each => each.Direction == direction))];
        Terminal.Out.WriteLine($"Copies on this machine ({Environment.ProcessorCount} CPUs), emulated {machine.Chip.Name}, schedule {schedule}; pinned host memory, one stream");
        Terminal.Out.WriteLine($"Copy kernels: {kernels ?? "unknown"}");
        Terminal.Out.WriteLine($"Copies up to {Sizes.Text(CopyBench.WalkBytes)} walk through {Sizes.Text(CopyBench.WalkBytes)}, larger ones repeat the same range: what fits into the caches is copied there.");
        PrintTable("Bandwidth in GB/s: copies queued one after another, one wait at the end", all, directions, each => Number(each.GigabytesPerSecond));
        PrintTable("Latency: one copy and the wait for it", all, directions, each => Time(each.LatencyNs));
        Terminal.Out.WriteLine(string.Join("  ", directions.Select(direction => $"{Plot.Letter(direction)} = {direction}")));
        foreach (string line in Plot.Lines(all))
            Terminal.Out.WriteLine(line);
        if (peerIsMissing is not null)
            Terminal.Out.WriteLine($"Copies between devices were not measured: {peerIsMissing}.");
    }

    private static void PrintTable(string title, List<CopyMeasurement> all, List<string> directions, Func<CopyMeasurement, string> text)
    {
        Terminal.Out.WriteLine();
        Terminal.Out.WriteLine(title);
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn(new TableColumn("Size").RightAligned());
        foreach (string direction in directions)
            table.AddColumn(new TableColumn(direction).RightAligned());
        foreach (IGrouping<ulong, CopyMeasurement> size in all.GroupBy(each => each.Bytes))
            table.AddRow([Sizes.Text(size.Key), .. directions.Select(direction => text(size.Single(each => each.Direction == direction)))]);
        Terminal.Out.Write(table);
    }

    /// <summary>Three digits that say something.</summary>
    internal static string Number(double value)
        => value.ToString(value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture);

    internal static string Time(double ns) => ns switch
    {
        < 1e3 => $"{Number(ns)} ns",
        < 1e6 => $"{Number(ns / 1e3)} us",
        _ => $"{Number(ns / 1e6)} ms",
    };

    private static void PrintJson(List<CopyMeasurement> all, EmulatedMachine machine, string schedule, string? kernels, Prefix prefix)
    {
        using var output = Console.OpenStandardOutput();
        using (Utf8JsonWriter writer = new(output, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteString("version", Program.Version);
            writer.WriteString("library", prefix.Library);
            writer.WriteString("soc", machine.SocName);
            writer.WriteString("schedule", schedule);
            writer.WriteString("kernels", kernels);
            writer.WriteNumber("cpus", Environment.ProcessorCount);
            writer.WriteStartArray("items");
            foreach (CopyMeasurement each in all)
            {
                writer.WriteStartObject();
                writer.WriteString("direction", each.Direction);
                writer.WriteNumber("bytes", each.Bytes);
                writer.WriteNumber("gigabytesPerSecond", Math.Round(each.GigabytesPerSecond, 4));
                writer.WriteNumber("latencyNs", Math.Round(each.LatencyNs, 1));
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        output.Write("\n"u8);
    }
}
