using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Updraft.Device;

/// <summary>aclInit and aclFinalize: how often, with which configuration. Nothing else depends on them; aclrtSetDevice is what matters.</summary>
internal static unsafe class Lifecycle
{
    private static readonly Lock s_lock = new();
    private static ulong s_references;
    private static bool s_isFinalized;
    private static string? s_firstConfiguration;

    internal static AclError Initialize(byte* configPath)
    {
        string? configuration;
        lock (s_lock)
        {
            if (s_references > 0)
            {
                s_references++;
                Check.Fail(AclError.RepeatInitialize, "aclInit was already called in this process; the call counts, but its configuration is not used.");
            }
            configuration = configPath == null ? null : Read(Marshal.PtrToStringUTF8((nint)configPath)!);
            if (configuration != null)
            {
                Check.That(!s_isFinalized || s_firstConfiguration == null || s_firstConfiguration == configuration, AclError.InvalidParam,
                    "aclInit after aclFinalize takes the configuration of the first aclInit only; this file differs.");
                Apply(configuration);
                s_firstConfiguration ??= configuration;
            }
            s_references = 1;
            s_isFinalized = false;
        }
        // Outside the lock: these functions may call the interface.
        LifecycleCallbacks.Initialized(configuration);
        return AclError.Success;
    }

    internal static void FinalizeAll()
    {
        lock (s_lock)
        {
            Check.That(!s_isFinalized, AclError.RepeatFinalize, "aclFinalize was already called.");
            End();
        }
        LifecycleCallbacks.Finalized();
    }

    /// <summary>One aclInit less; the last one finalizes.</summary>
    internal static void FinalizeReference(ulong* remaining)
    {
        bool isLast;
        lock (s_lock)
        {
            Check.That(s_references > 0, AclError.RepeatFinalize, "aclFinalizeReference was called more often than aclInit.");
            isLast = --s_references == 0;
            if (isLast)
            {
                End();
            }
            if (remaining != null)
            {
                *remaining = s_references;
            }
        }
        if (isLast)
        {
            LifecycleCallbacks.Finalized();
        }
    }

    private static void End()
    {
        s_references = 0;
        s_isFinalized = true;
        Machine.DefaultDevice = null;
    }

    /// <summary>Back to the state of a fresh process; for tests.</summary>
    internal static void Forget()
    {
        lock (s_lock)
        {
            (s_references, s_isFinalized, s_firstConfiguration) = (0, false, null);
            ErrorMessages.IsProcessWide = false;
            SystemParameters.Forget();
            Profiling.Forget();
        }
        ErrorMessages.ForgetProcess();
        LifecycleCallbacks.Clear();
        ExceptionCallbacks.Clear();
        StreamState.Callbacks.Clear();
        DeviceState.Callbacks.Clear();
        TaskAbort.Callbacks.Clear();
        Reports.Clear();
        Events.OpWaitTimeoutSeconds = 0;
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new AclException(AclError.InvalidFile, $"The configuration file \"{path}\" cannot be read: {exception.Message}");
        }
    }

    private static void Apply(string configuration)
    {
        if (string.IsNullOrWhiteSpace(configuration))
        {
            return;
        }
        using JsonDocument document = Parse(configuration);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            Check.Fail(AclError.ParseFile, "The configuration is not a JSON object.");
        }
        if (root.TryGetProperty("err_msg_mode", out JsonElement mode))
        {
            string? text = mode.ValueKind == JsonValueKind.String ? mode.GetString() : null;
            Check.That(text is "0" or "1", AclError.InvalidParam, $"err_msg_mode is {mode.GetRawText()}; expected the string \"0\" (per thread) or \"1\" (per process).");
            ErrorMessages.IsProcessWide = text == "1";
        }
        if (root.TryGetProperty("defaultDevice", out JsonElement section) && section.ValueKind == JsonValueKind.Object && section.TryGetProperty("default_device", out JsonElement value))
        {
            string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
            Check.That(int.TryParse(text, out int device) && device >= 0 && device < Machine.Devices.Length, AclError.InvalidParam, $"defaultDevice.default_device is {value.GetRawText()}; expected a device from 0 to {Machine.Devices.Length - 1}.");
            Machine.DefaultDevice = device;
        }
    }

    private static JsonDocument Parse(string configuration)
    {
        try
        {
            return JsonDocument.Parse(configuration, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (JsonException exception)
        {
            throw new AclException(AclError.ParseFile, $"The configuration is not valid JSON: {exception.Message}");
        }
    }
}
