namespace Updraft.Cli.Tests;

public sealed class RunCommandTests
{
    [Theory]
    [InlineData("run ls -l", "run -- ls -l")]
    [InlineData("run -- ls --soc x", "run -- ls --soc x")]
    [InlineData("run --soc 310b ls --soc x", "run --soc 310b -- ls --soc x")]
    [InlineData("run --soc=310b --devices 2 ls -- a", "run --soc=310b --devices 2 -- ls -- a")]
    [InlineData("run --check -- ls", "run --check=on -- ls")]
    [InlineData("run --check ls", "run --check=on -- ls")]
    [InlineData("run --check strict ls", "run --check=strict -- ls")]
    [InlineData("run --check off --log debug ls", "run --check=off --log debug -- ls")]
    [InlineData("run --soc", "run --soc")]
    [InlineData("run --soc -- ls", "run --soc -- ls")]
    [InlineData("run --soc 310b --help", "run --help")]
    [InlineData("run ls --help", "run -- ls --help")]
    [InlineData("info --foo", "info --foo")]
    public void Separate_PutsTheProgramBehindDashes(string given, string expected)
        => Assert.Equal(expected, string.Join(' ', RunCommand.Separate(CommandTree.Create(), given.Split(' '))));

    [Fact]
    public void Separate_UnknownOption_IsNotTakenForAProgram()
        => Assert.Contains("--sock", Assert.Throws<UsageException>(() => RunCommand.Separate(CommandTree.Create(), ["run", "--sock", "x", "ls"])).Message);
}
