namespace Updraft.Cli.Tests;

public sealed class EnvironmentTests
{
    [Theory]
    [InlineData(null, "/p")]
    [InlineData("", "/p")]
    [InlineData("/a:/b", "/p:/a:/b")]
    [InlineData("/a:/p:/b", "/p:/a:/b")]
    [InlineData(":/a::", "/p:/a")]
    public void First_PutsTheEntryFirstOnce(string? list, string expected) => Assert.Equal(expected, Prefix.First("/p", list));

    [Theory]
    [InlineData("/opt/a-b_c.d:/e", "/opt/a-b_c.d:/e")]
    [InlineData("", "''")]
    [InlineData("a b", "'a b'")]
    [InlineData("it's", "'it'\\''s'")]
    [InlineData("$HOME", "'$HOME'")]
    public void Quote_IsSafeInAShell(string value, string expected) => Assert.Equal(expected, EnvCommand.Quote(value));

    [Fact]
    public void Machine_WithoutVariables_IsTheDefaultChip()
    {
        EmulatedMachine machine = EmulatedMachine.From(_ => null);
        Assert.Equal("910b", Values.DefaultChip);
        Assert.Equal("Ascend910B3", machine.SocName);
        Assert.Equal(8, machine.Devices);
        Assert.Equal(64UL << 30, machine.MemoryBytes);
        Assert.Equal(Enumerable.Range(0, machine.Devices), machine.Visible);
    }

    [Fact]
    public void Machine_FollowsTheVariables()
    {
        EmulatedMachine machine = Machine(("UPDRAFT_SOC", "Ascend910B1"), ("UPDRAFT_DEVICES", "3"), ("UPDRAFT_DEVICE_MEMORY", "2G"));
        Assert.Equal("Ascend910B1", machine.SocName);
        Assert.Equal(3, machine.Devices);
        Assert.Equal(2UL << 30, machine.MemoryBytes);
    }

    [Theory]
    [InlineData("0,2", new[] { 0, 2 })]
    [InlineData("2,0", new[] { 2 })]
    [InlineData("1,9,2", new[] { 1 })]
    [InlineData("", new int[0])]
    [InlineData("x", new int[0])]
    public void Machine_VisibleDevices_StopAtTheFirstBadEntry(string list, int[] expected)
        => Assert.Equal(expected, Machine(("UPDRAFT_DEVICES", "4"), ("ASCEND_RT_VISIBLE_DEVICES", list)).Visible);

    [Fact]
    public void Machine_BadValue_NamesTheVariable()
        => Assert.StartsWith("UPDRAFT_DEVICES=no: ", Assert.Throws<UsageException>(() => Machine(("UPDRAFT_DEVICES", "no"))).Message);

    private static EmulatedMachine Machine(params (string Name, string Value)[] variables)
        => EmulatedMachine.From(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}
