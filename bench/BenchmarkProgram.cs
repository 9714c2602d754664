using System.Runtime.InteropServices;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Updraft.Benchmarks;

/// <summary>The program of each BenchmarkDotNet project, and what their benchmarks share.</summary>
internal static unsafe class BenchmarkProgram
{
    /// <summary>Arguments of BenchmarkDotNet (a short job in this process unless they name another), or --rounds: see <see cref="Rounds"/>.</summary>
    private static void Main(string[] args)
    {
        if (args is ["--rounds", ..])
        {
            foreach (Type type in typeof(BenchmarkProgram).Assembly.GetExportedTypes())
            {
                Rounds.Run(type);
            }
            return;
        }
        IConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance).AsDefault());
        BenchmarkSwitcher.FromAssembly(typeof(BenchmarkProgram).Assembly).Run(args, config);
    }

    /// <summary>A C call must have succeeded.</summary>
    internal static void Ok(this AclApi api, int code)
    {
        if (code != 0)
        {
            throw new InvalidOperationException($"returned {code}: {Marshal.PtrToStringUTF8((nint)api.aclGetRecentErrMsg())}");
        }
    }
}
