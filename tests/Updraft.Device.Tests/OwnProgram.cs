using System.Diagnostics;

namespace Updraft.Device.Tests;

/// <summary>This test program once more, as another process.</summary>
internal static class OwnProgram
{
    /// <summary>Started as a program of its own or through the <c>dotnet</c> host, which then needs to be told what to run.</summary>
    internal static ProcessStartInfo With(params IEnumerable<string> arguments)
    {
        string program = Environment.ProcessPath!, assembly = typeof(OwnProgram).Assembly.Location;
        bool isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        return new ProcessStartInfo(program, isHost ? [assembly, .. arguments] : arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
    }
}
