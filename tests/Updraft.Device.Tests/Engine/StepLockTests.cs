namespace Updraft.Device.Tests;

/// <summary>The lock of the stepped schedules, beside what the schedules make of it.</summary>
public sealed class StepLockTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private static Thread Start(Action body)
    {
        var thread = new Thread(() => body());
        thread.Start();
        return thread;
    }

    [Theory]
    [InlineData(2, 50_000), InlineData(4, 20_000)]
    public void Hold_ManyThreads_OneAtATime(int threads, int turns)
    {
        var held = new StepLock();
        long inside = 0, sum = 0;
        Thread[] all = [.. Enumerable.Range(0, threads).Select(index => Start(() =>
        {
            for (int turn = 0; turn < turns; turn++)
            {
                using (held.Hold(index + 1))
                {
                    // Not interlocked: a second holder would lose a turn or be seen.
                    inside += inside == 0 ? 1 : 1_000_000;
                    sum++;
                    if (turn % 1000 == 0)
                    {
                        Thread.Yield(); // Others come to sleep for the lock, too.
                    }
                    inside--;
                }
            }
        }))];
        Assert.All(all, thread => Assert.True(thread.Join(s_limit), "a thread that waits for the lock was forgotten"));
        Assert.Equal((long)threads * turns, sum);
        Assert.Equal(0, inside);
    }

    [Fact]
    public void Wait_HeldTwice_LetsOthersInAndIsHeldTwiceAgain()
    {
        var held = new StepLock();
        bool isReady = false, wasIn = false;
        using var asleep = new ManualResetEventSlim();
        Thread other = Start(() =>
        {
            asleep.Wait();
            using (held.Hold(2))
            {
                wasIn = true;
                isReady = true;
                held.PulseAll();
            }
        });
        using (held.Hold(1))
        {
            using (held.Hold(1))
            {
                asleep.Set();
                while (!isReady)
                {
                    held.Wait(Timeout.Infinite);
                }
            }
            wasIn = false;
            Thread third = Start(() =>
            {
                using (held.Hold(3))
                {
                    wasIn = true;
                }
            });
            Assert.False(third.Join(20), "given up although it is held once more");
            Assert.False(wasIn);
        }
        Assert.True(other.Join(s_limit));
    }

    [Fact]
    public void Wait_NobodyPulses_EndsWithItsTime()
    {
        var held = new StepLock();
        using (held.Hold(1))
        {
            held.Wait(1);
        }
        Thread other = Start(() =>
        {
            using (held.Hold(2))
            {
            }
        });
        Assert.True(other.Join(s_limit), "the lock was not given up");
    }
}
