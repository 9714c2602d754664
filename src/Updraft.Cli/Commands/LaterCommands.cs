using System.CommandLine;

namespace Updraft.Cli;

/// <summary>Names of the fixed surface whose feature does not exist yet: they say so and fail, rather than being unknown or doing nothing.</summary>
internal static class LaterCommands
{
    internal static Command Explain()
    {
        Command command = new("explain", "Explain a rule of the checker (not in this version).");
        command.Arguments.Add(new Argument<string>("RULE") { Description = "Such as UPD-COPY-003.", Arity = ArgumentArity.ZeroOrOne });
        command.SetAction((Func<ParseResult, int>)(_ => throw new UsageException("the checker and its rules are not in this version.")));
        return command;
    }
}
