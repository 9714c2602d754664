namespace Updraft.Cli;

/// <summary>Exit codes of every command except a started program, whose code is its own.</summary>
internal static class ExitCode
{
    internal const int Ok = 0;
    internal const int Failed = 1;
    internal const int Usage = 2;

    /// <summary>The shell's codes for a program that cannot be started.</summary>
    internal const int CannotExecute = 126;
    internal const int NotFound = 127;
}

/// <summary>The command line asks for something that cannot be; the message is the one sentence shown.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The command was understood and did not succeed.</summary>
internal sealed class FailedException(string message) : Exception(message);
