using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Copies where something else matters too: strict mode, peers, exception callbacks, models, an aborting device, chips.</summary>
public sealed unsafe class CopyModesTests
{
    private const string Asked = "910b 950 310p 910", NotAsked = "910c 310b";

    private static TheoryData<string> Of(string chips) => [.. chips.Split(' ')];

    public static TheoryData<string> AskedChips => Of(Asked);
    public static TheoryData<string> NotAskedChips => Of(NotAsked);
    public static TheoryData<string> AllChips => Of(CopyRow.All);

    [Theory, MemberData(nameof(AllChips))]
    public void Strict_CopyNotAlignedTo64_IsRefused(string chip)
    {
        using var bench = new CopyBench(chip, nameof(Strict_CopyNotAlignedTo64_IsRefused), strict: true);
        bench.Fails(107008, bench.Api.aclrtMemcpyAsync(bench.Dev + 32, 64, bench.Pin, 64, H2D, bench.Stream));
        bench.Fails(107008, bench.Api.aclrtMemcpyAsync(bench.Dev, 64, bench.Pin + 1, 64, H2D, bench.Stream));
        bench.Copies(bench.Api.aclrtMemcpyAsync(bench.Dev + 64, 3, bench.Pin, 3, H2D, bench.Stream), bench.Dev + 64, bench.Pin, 3);
    }

    [Theory, MemberData(nameof(AllChips))]
    public void Lenient_CopyNotAligned_IsMade(string chip)
    {
        using var bench = new CopyBench(chip, nameof(Lenient_CopyNotAligned_IsMade));
        bench.Copies(bench.Api.aclrtMemcpyAsync(bench.Dev + 1, 61, bench.Pin + 3, 61, H2D, bench.Stream), bench.Dev + 1, bench.Pin + 3, 61);
    }

    [Theory, MemberData(nameof(AskedChips))]
    public void Strict_CopyBetweenDevicesWithoutPeerAccess_Faults(string chip)
    {
        using var bench = new CopyBench(chip, nameof(Strict_CopyBetweenDevicesWithoutPeerAccess_Faults), strict: true);
        bench.Faults(bench.Api.aclrtMemcpyAsync(bench.Dev, 64, bench.Other, 64, D2D, bench.Stream));
        bench.Fails(107017, bench.Api.aclrtMemcpy(bench.Dev, 64, bench.Other, 64, D2D));
        int can;
        bench.Ok(bench.Api.aclrtDeviceCanAccessPeer(&can, 0, 1));
        Assert.Equal(1, can);
        bench.Ok(bench.Api.aclrtDeviceEnablePeerAccess(1, 0));
        bench.Copies(bench.Api.aclrtMemcpyAsync(bench.Dev, 64, bench.Other, 64, D2D, bench.Stream), bench.Dev, bench.Other, 64);
        bench.Machine.Write(bench.Dev, bench.Original(bench.Dev)[..64]);
        bench.Ok(bench.Api.aclrtDeviceDisablePeerAccess(1));
        bench.Faults(bench.Api.aclrtMemcpyAsync(bench.Dev, 64, bench.Other, 64, D2D, bench.Stream));
    }

    [Theory, MemberData(nameof(NotAskedChips))]
    public void Strict_CopyBetweenDevicesOfAChipThatNeedsNoPeerAccess_IsMade(string chip)
    {
        using var bench = new CopyBench(chip, nameof(Strict_CopyBetweenDevicesOfAChipThatNeedsNoPeerAccess_IsMade), strict: true);
        bench.Copies(bench.Api.aclrtMemcpyAsync(bench.Dev, 64, bench.Other, 64, D2D, bench.Stream), bench.Dev, bench.Other, 64);
    }

    // --- Exception callbacks ---------------------------------------------------------------------------------------------------------

    private static readonly List<(uint Code, uint Task, uint Stream, uint Thread, uint Device)> s_seen = [];

    [Fact]
    public void FailedCopy_ExceptionCallbacks_SayWhichTaskOfWhom()
    {
        using var bench = new CopyBench("910b", nameof(FailedCopy_ExceptionCallbacks_SayWhichTaskOfWhom));
        nint callback = (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Seen;
        s_seen.Clear();
        bench.Ok(bench.Api.aclrtExceptionInfoCallbackRegister(callback));
        try
        {
            int id;
            bench.Ok(bench.Api.aclrtStreamGetId(bench.Stream, &id));
            var stream = (uint)id;
            bench.Ok(bench.Api.aclrtMemcpyAsync(bench.Dev, 8, bench.Pin, 8, H2D, bench.Stream));
            bench.Ok(bench.Api.aclrtMemcpyAsync(bench.FreedDevice(), 8, bench.Pin, 8, H2D, bench.Stream));
            bench.Ok(bench.Api.aclrtMemsetAsync(bench.Dev + 64, Size, 0, Size, bench.Stream));
            bench.Machine.Returns(507013, bench.Api.aclrtSynchronizeStream(bench.Stream));
            Assert.Equal(2, s_seen.Count);
            Assert.All(s_seen, seen => Assert.Equal((507013u, stream, (uint)Posix.gettid(), 0u), (seen.Code, seen.Stream, seen.Thread, seen.Device)));
            Assert.Equal(s_seen[0].Task + 1, s_seen[1].Task);
        }
        finally
        {
            bench.Ok(bench.Api.aclrtExceptionInfoCallbackUnregister(callback));
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Seen(void* info)
    {
        AclApi api = AclApi.InProcess;
        lock (s_seen)
        {
            s_seen.Add((api.aclrtGetErrorCodeFromExceptionInfo(info), api.aclrtGetTaskIdFromExceptionInfo(info), api.aclrtGetStreamIdFromExceptionInfo(info), api.aclrtGetThreadIdFromExceptionInfo(info), api.aclrtGetDeviceIdFromExceptionInfo(info)));
        }
    }

    // --- Models --------------------------------------------------------------------------------------------------------------------

    [Fact] // memcpy.md 3 row 6
    public void BufferedCopy_OnStreamBoundToAModel_IsRefusedBeforeTheContextIsLookedAt()
    {
        using var bench = new CopyBench("910b", nameof(BufferedCopy_OnStreamBoundToAModel_IsRefusedBeforeTheContextIsLookedAt));
        nint model, handle;
        bench.Ok(bench.Api.aclmdlRIBuildBegin(&model, 0));
        bench.Ok(bench.Api.aclrtCreateStreamWithConfig(&handle, 0, 4));
        nint stream = handle;
        bench.Ok(bench.Api.aclmdlRIBindStream(model, stream, 0));
        bench.Fails(107000, bench.Api.aclrtMemcpyAsync(bench.Dev, 8, bench.Page, 8, Buffered, stream));
        bench.FailsWithoutContext(107000, () => bench.Api.aclrtMemcpyAsync(bench.Dev, 8, bench.Page, 8, Buffered, stream));
    }

    // --- Chips ---------------------------------------------------------------------------------------------------------------------

    [Theory, MemberData(nameof(AllChips))]
    public void Chip_FunctionsItLacks_Return207000WithTheRightLastError(string chip)
    {
        using var machine = new TestMachine(chip);
        var wrong = new List<string>();
        int tested = 0;
        for (int index = 0; index < Functions.Count; index++)
        {
            var function = (Function)index;
            string name = Functions.Name(function);
            // Functions that test the chip themselves have rows of their own in the tests of their area.
            System.Reflection.MethodInfo? method = typeof(AclApi).GetMethod(name);
            if (Chip.Supports(function) || !Functions.ReturnsError(function) || !Functions.IsImplemented(function) || ChecksChip(name) || method == null)
            {
                continue;
            }
            tested++;
            _ = machine.Api.aclrtGetLastError(0);
            object?[] zeros = [.. method.GetParameters().Select(parameter => parameter.ParameterType.IsPointer ? null : Activator.CreateInstance(parameter.ParameterType))];
            int code = Convert.ToInt32(method.Invoke(machine.Api, zeros), System.Globalization.CultureInfo.InvariantCulture);
            int last = (int)machine.Api.aclrtPeekAtLastError(0);
            if (code != 207000 || last != (ThreadState.StoresUnsupported(function) ? 207000 : 0))
            {
                wrong.Add($"{name}: {code}, last error {last}");
            }
        }
        Assert.Empty(wrong);
        Assert.True(tested > 0 || chip is "910b" or "910c" or "950", "no function was tested");
    }

    private static bool ChecksChip(string name) =>
        typeof(Exports).GetMethod(name, System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)?.IsDefined(typeof(ChecksChipAttribute), false) == true;

    [Theory]
    [InlineData("910b", "Ascend910B3"), InlineData("910c", "Ascend910_9391"), InlineData("a3", "Ascend910_9391"), InlineData("950", "Ascend950PR_9599")]
    [InlineData("310b", "Ascend310B1"), InlineData("310p", "Ascend310P3"), InlineData("910", "Ascend910A"), InlineData("Ascend910B2C", "Ascend910B2C"), InlineData("Ascend910ProB", "Ascend910ProB")]
    public void Chip_ByKeyOrFullName_IsWhatGetSocNameReturns(string soc, string name)
    {
        using var machine = new TestMachine(soc);
        Assert.Equal(name, Marshal.PtrToStringUTF8((nint)machine.Api.aclrtGetSocName()));
    }
}
