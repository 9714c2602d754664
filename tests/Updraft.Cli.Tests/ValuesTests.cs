namespace Updraft.Cli.Tests;

public sealed class ValuesTests
{
    [Theory]
    [InlineData("910b")]
    [InlineData("910c")]
    [InlineData("a3")]
    [InlineData("A3")]
    [InlineData("310b")]
    [InlineData("Ascend910B3")]
    [InlineData("Ascend910_9391")]
    public void Soc_KnownName_IsTaken(string text) => Assert.Equal(text, Values.Soc(text));

    [Theory]
    [InlineData("")]
    [InlineData("910x")]
    [InlineData("Ascend")]
    public void Soc_UnknownName_IsOneSentenceWithTheChoices(string text)
    {
        string message = Assert.Throws<UsageException>(() => Values.Soc(text)).Message;
        Assert.StartsWith("--soc: ", message);
        Assert.Contains(Values.DefaultChip, message);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("384", true)]
    [InlineData("0", false)]
    [InlineData("385", false)]
    [InlineData("-1", false)]
    [InlineData("1.5", false)]
    [InlineData("99999999999999999999", false)]
    [InlineData("", false)]
    public void Devices_Range(string text, bool isGood) => Check(Values.Devices, text, isGood);

    [Theory]
    [InlineData("64G", true)]
    [InlineData("1048576", true)]
    [InlineData("512M", true)]
    [InlineData("0", false)]
    [InlineData("G", false)]
    [InlineData("64X", false)]
    [InlineData("-1G", false)]
    [InlineData("99999999999T", false)]
    public void Size_Form(string text, bool isGood) => Check(Values.Size, text, isGood);

    [Theory]
    [InlineData("threads", true)]
    [InlineData("eager", true)]
    [InlineData("late", true)]
    [InlineData("random:42", true)]
    [InlineData("random", false)]
    [InlineData("random:", false)]
    [InlineData("random:x", false)]
    [InlineData("later", false)]
    public void Schedule_Names(string text, bool isGood) => Check(Values.Schedule, text, isGood);

    [Theory]
    [InlineData("auto", true)]
    [InlineData("avx2-nt", true)]
    [InlineData("AVX2", false)]
    [InlineData("", false)]
    public void Kernel_Names(string text, bool isGood) => Check(Values.Kernel, text, isGood);

    [Theory]
    [InlineData("off", true)]
    [InlineData("debug", true)]
    [InlineData("loud", false)]
    public void Log_Levels(string text, bool isGood) => Check(Values.Log, text, isGood);

    [Fact]
    public void FeaturesThatDoNotExist_AreRefusedNotIgnored()
    {
        (Func<string, string> check, string text)[] refused =
            [(Values.Clock, "model"), (Values.Check, "on"), (Values.Report, "r.sarif"), (Values.Trace, "t.json")];
        Assert.All(refused, each => Assert.EndsWith("not in this version.", Assert.Throws<UsageException>(() => each.check(each.text)).Message));
        Assert.Equal("wall", Values.Clock("wall"));
        Assert.Equal("off", Values.Check("off"));
        Assert.Equal("strict", Values.Check("strict"));
    }

    [Fact]
    public void ReportAndTrace_WrongEnding_NamesTheRightOnes()
    {
        Assert.Contains(".sarif", Assert.Throws<UsageException>(() => Values.Report("r.pdf")).Message);
        Assert.Contains(".pftrace", Assert.Throws<UsageException>(() => Values.Trace("t")).Message);
    }

    private static void Check(Func<string, string> check, string text, bool isGood)
    {
        if (isGood)
            Assert.Equal(text, check(text));
        else
            Assert.DoesNotContain('\n', Assert.Throws<UsageException>(() => check(text)).Message);
    }
}
