using Spectre.Console;

namespace Updraft.Cli;

/// <summary>Output: colours only on a terminal without NO_COLOR, lines never wrapped when a program reads them.</summary>
internal static class Terminal
{
    private const int WidthWithoutTerminal = 160;

    internal static IAnsiConsole Out { get; } = Create();

    private static IAnsiConsole Create()
    {
        bool plain = Console.IsOutputRedirected || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (Console.IsOutputRedirected)
            console.Profile.Width = WidthWithoutTerminal;
        return console;
    }

    internal static void Error(string text) => Console.Error.WriteLine(text);
}
