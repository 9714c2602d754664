namespace Updraft.Cli.Tests;

public sealed class ApiCommandTests
{
    [Fact]
    public void Entries_AreTheWholeInterfaceOnce()
    {
        Assert.Equal(ApiCommand.Entries.Count, ApiCommand.Entries.Select(entry => entry.Name).Distinct().Count());
        Assert.InRange(ApiCommand.Entries.Count, 511, 1000);
    }

    [Fact]
    public void Entries_KnowTheChips()
    {
        ApiCommand.Entry barrier = ApiCommand.Entries.Single(entry => entry.Name == "aclrtCmoAsyncWithBarrier");
        Assert.Contains("310b", barrier.Chips);
        Assert.DoesNotContain("910b", barrier.Chips);
        Assert.Contains("aclrtCmoAsyncWithBarrier(", barrier.Declaration);
        Assert.Equal("acl/acl_rt.h", barrier.Header);
    }
}
