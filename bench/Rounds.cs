using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using BenchmarkDotNet.Attributes;

namespace Updraft.Benchmarks;

/// <summary>What a benchmark may cost at most, over its baseline.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoalAttribute(double ratio) : Attribute
{
    internal double Ratio { get; } = ratio;
}

/// <summary>
/// The benchmarks of a class in turn, round by round. BenchmarkDotNet measures one after the other, so that what the machine does beside them
/// meets one and spares another; here it meets all alike, and ratios can be trusted on a machine that is not quiet. Medians of all rounds.
/// </summary>
internal static class Rounds
{
    internal static void Run(Type type)
    {
        MethodInfo[] methods = [.. type.GetMethods().Where(method => method.IsDefined(typeof(BenchmarkAttribute)))];
        int index = Array.FindIndex(methods, method => Of(method).Baseline);
        if (index < 0 || type.GetProperties().Any(property => property.IsDefined(typeof(ParamsAttribute))))
        {
            return;
        }
        int warm = type.GetCustomAttribute<WarmupCountAttribute>() is { } warmup ? warmup.Config.GetJobs().Single().Run.WarmupCount : 3;
        int rounds = type.GetCustomAttribute<IterationCountAttribute>() is { } iterations ? iterations.Config.GetJobs().Single().Run.IterationCount : 15;
        object instance = Activator.CreateInstance(type)!;
        Action start = Called<GlobalSetupAttribute>(instance), stop = Called<GlobalCleanupAttribute>(instance);
        Action before = Called<IterationSetupAttribute>(instance), after = Called<IterationCleanupAttribute>(instance);
        Action[] runs = [.. methods.Select(method => Call(method, instance))];
        var times = methods.Select(_ => new double[rounds]).ToArray();
        var bytes = new long[methods.Length];
        start();
        for (int round = -warm; round < rounds; round++)
        {
            for (int turn = 0; turn < methods.Length; turn++)
            {
                int each = (turn + round + warm) % methods.Length;
                before();
                long allocated = GC.GetTotalAllocatedBytes(precise: true), began = Stopwatch.GetTimestamp();
                runs[each]();
                double time = Stopwatch.GetElapsedTime(began).TotalNanoseconds;
                allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
                after();
                if (round >= 0)
                {
                    times[each][round] = time / Of(methods[each]).OperationsPerInvoke;
                    bytes[each] += allocated;
                }
            }
        }
        stop();
        Print(type.Name, methods, index, times, bytes);
    }

    private static void Print(string name, MethodInfo[] methods, int baseline, double[][] times, long[] bytes)
    {
        int rounds = times[0].Length;
        Console.WriteLine($"{name}, {rounds} rounds");
        for (int each = 0; each < methods.Length; each++)
        {
            // Of this round's reference, so that a slow moment of the machine cancels out.
            double[] ratios = [.. times[each].Zip(times[baseline], (time, of) => time / of).Order()];
            double allocated = (double)bytes[each] / rounds / Of(methods[each]).OperationsPerInvoke, median = Median(times[each]);
            string goal = methods[each].GetCustomAttribute<GoalAttribute>() is { } at ? string.Create(CultureInfo.InvariantCulture, $"   goal at most {at.Ratio:F2}") : "";
            (double time, string unit) = median < 100_000 ? (median, "ns") : (median / 1e6, "ms");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {methods[each].Name,-26} {time,9:F1} {unit}   ratio {Median(ratios),6:F3} ({ratios[rounds / 4]:F2} to {ratios[rounds * 3 / 4]:F2})   {allocated,6:F1} B allocated{goal}"));
        }
    }

    private static BenchmarkAttribute Of(MethodInfo method) => method.GetCustomAttribute<BenchmarkAttribute>()!;

    private static Action Called<T>(object instance) where T : Attribute =>
        instance.GetType().GetMethods().SingleOrDefault(method => method.IsDefined(typeof(T))) is { } method ? Call(method, instance) : static () => { };

    private static Action Call(MethodInfo method, object instance)
    {
        if (method.ReturnType == typeof(void))
        {
            return method.CreateDelegate<Action>(instance);
        }
        var asynchronous = method.CreateDelegate<Func<Task>>(instance);
        return () => asynchronous().GetAwaiter().GetResult();
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
