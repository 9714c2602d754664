using System.Text;

namespace Updraft;

/// <summary>A binary semaphore between streams: of one device, of several, and with a key of several processes. Safe to use from any thread.</summary>
public sealed unsafe class NpuNotify : IDisposable
{
    private const int KeyBytes = 128;
    private readonly NotifyObject _object;

    internal NpuNotify(NpuContext context) => (Context, _object) = (context, new NotifyObject(context, null));

    private NpuNotify(NpuContext context, string key) => (Context, _object) = (context, new NotifyObject(context, key));

    /// <summary>The context it was made in.</summary>
    public NpuContext Context { get; }

    /// <summary>The C handle (aclrtNotify), for calls through <see cref="Npu.Api"/>.</summary>
    /// <exception cref="ObjectDisposedException">The notify is disposed.</exception>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(_object.IsClosed, this);
            return _object.Value;
        }
    }

    /// <summary>The device's number of it. C: aclrtGetNotifyId.</summary>
    /// <exception cref="AclException">The library refused.</exception>
    /// <exception cref="ObjectDisposedException">The notify is disposed.</exception>
    public uint Id
    {
        get
        {
            uint id;
            nint handle = Handle;
            Context.Enter();
            Context.Check(Context.Api.aclrtGetNotifyId(handle, &id), nameof(AclApi.aclrtGetNotifyId));
            return id;
        }
    }

    /// <summary>A key with which other processes open it. C: aclrtNotifyGetExportKey.</summary>
    /// <param name="anyProcess">True lets every process import it; otherwise only those that C's aclrtNotifySetImportPid names.</param>
    /// <exception cref="AclException">207000: the chip does not have it.</exception>
    /// <exception cref="ObjectDisposedException">The notify is disposed.</exception>
    public string Export(bool anyProcess = false)
    {
        byte* key = stackalloc byte[KeyBytes];
        nint handle = Handle;
        Context.Enter();
        ulong flags = anyProcess ? AclConstants.ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION : AclConstants.ACL_RT_NOTIFY_EXPORT_FLAG_DEFAULT;
        Context.Check(Context.Api.aclrtNotifyGetExportKey(handle, key, KeyBytes, flags), nameof(AclApi.aclrtNotifyGetExportKey));
        return System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)key) ?? "";
    }

    /// <summary>Opens the notify of another process. C: aclrtNotifyImportByKey.</summary>
    /// <param name="context">Where it is used.</param>
    /// <param name="key">What <see cref="Export"/> gave there.</param>
    /// <exception cref="AclException">The key is wrong, or this process may not.</exception>
    /// <exception cref="ObjectDisposedException">The context is disposed.</exception>
    public static NpuNotify Import(NpuContext context, string key)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentException.ThrowIfNullOrEmpty(key);
        context.Enter();
        return new NpuNotify(context, key);
    }

    /// <summary>Destroys the notify. C: aclrtDestroyNotify.</summary>
    public void Dispose() => _object.Dispose();

    private sealed class NotifyObject : NativeObject
    {
        private readonly NpuContext _context;

        internal NotifyObject(NpuContext context, string? key) : base(context.Object)
        {
            _context = context;
            nint handle;
            int code;
            if (key == null)
            {
                code = context.Api.aclrtCreateNotify(&handle, AclConstants.ACL_NOTIFY_DEFAULT);
            }
            else
            {
                fixed (byte* text = Encoding.UTF8.GetBytes(key + '\0'))
                {
                    code = context.Api.aclrtNotifyImportByKey(&handle, text, AclConstants.ACL_RT_NOTIFY_IMPORT_FLAG_DEFAULT);
                }
            }
            if (code != 0)
            {
                throw NotMade(context.Api, code, key == null ? nameof(context.Api.aclrtCreateNotify) : nameof(context.Api.aclrtNotifyImportByKey));
            }
            SetHandle(handle);
        }

        protected override void Free()
        {
            _ = _context.TryEnter();
            _ = _context.Api.aclrtDestroyNotify(handle);
            ReleaseParent();
        }
    }
}
