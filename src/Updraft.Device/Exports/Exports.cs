namespace Updraft.Device;

/// <summary>
/// The rows: one C function each, named and ordered as in the headers, and one expression that does it. What is dull around them (entry
/// point, exception to code, last error, chip support, argument trace) is stamped by the generator.
/// </summary>
internal static unsafe partial class Exports;
