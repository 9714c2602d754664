namespace Updraft.Cli;

/// <summary>What copies of one size in one direction cost on this machine; medians.</summary>
/// <param name="Direction">One of <see cref="CopyBench.Directions"/>.</param>
/// <param name="Bytes">Size of a copy.</param>
/// <param name="GigabytesPerSecond">Copies queued one after another and one wait at the end; 10⁹ bytes.</param>
/// <param name="LatencyNs">One copy and the wait for it, on a stream that was idle.</param>
internal sealed record CopyMeasurement(string Direction, ulong Bytes, double GigabytesPerSecond, double LatencyNs);
