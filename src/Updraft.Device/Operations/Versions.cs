using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>
/// Which release the interface is that of. A package's version stands in <c>share/info/PACKAGE/version.info</c> below
/// <c>ASCEND_HOME_PATH</c>; where no such file is installed, the packages that this library stands in for have the release it emulates.
/// </summary>
internal static unsafe class Versions
{
    /// <summary>The release whose behaviour the emulation follows.</summary>
    internal const string Emulated = "9.1.0";

    private static readonly string[] s_own = ["cann", "runtime", "npu-runtime", "toolkit"];

    internal static void Interface(int* major, int* minor, int* patch)
    {
        Check.NotNull(major, "majorVersion");
        Check.NotNull(minor, "minorVersion");
        Check.NotNull(patch, "patchVersion");
        (*major, *minor, *patch) = (AclConstants.ACL_MAJOR_VERSION, AclConstants.ACL_MINOR_VERSION, AclConstants.ACL_PATCH_VERSION);
    }

    internal static void Text(byte* package, byte* version)
    {
        Check.NotNull(package, "pkgName");
        Check.NotNull(version, "versionStr");
        Write(Find(Marshal.PtrToStringUTF8((nint)package)!), version, AclConstants.ACL_PKG_VERSION_MAX_SIZE);
    }

    internal static void Number(byte* package, int* version)
    {
        Check.NotNull(package, "pkgName");
        Check.NotNull(version, "versionNum");
        string name = Marshal.PtrToStringUTF8((nint)package)!;
        string text = Find(name);
        Check.That(TryNumber(text, out int number), AclError.ParseFile, $"The version \"{text}\" of package {name} does not begin with MAJOR.MINOR.RELEASE.");
        *version = number;
    }

    internal static void Package(aclCANNPackageName name, aclCANNPackageVersion* version)
    {
        Check.NotNull(version, nameof(version));
        string package = name switch
        {
            aclCANNPackageName.ACL_PKG_NAME_CANN => "cann",
            aclCANNPackageName.ACL_PKG_NAME_RUNTIME => "runtime",
            aclCANNPackageName.ACL_PKG_NAME_COMPILER => "compiler",
            aclCANNPackageName.ACL_PKG_NAME_HCCL => "hccl",
            aclCANNPackageName.ACL_PKG_NAME_TOOLKIT => "toolkit",
            aclCANNPackageName.ACL_PKG_NAME_OPP => "opp",
            aclCANNPackageName.ACL_PKG_NAME_OPP_KERNEL => "opp_kernel",
            aclCANNPackageName.ACL_PKG_NAME_DRIVER => "driver",
            _ => throw new AclException(AclError.InvalidParam, $"name is {(int)name}; expected a value of aclCANNPackageName, 0 to 7."),
        };
        string text = Find(package);
        string[] parts = text.Split('.', 4);
        *version = default;
        Write(text, (byte*)version->version, AclConstants.ACL_PKG_VERSION_MAX_SIZE);
        Write(parts[0], (byte*)version->majorVersion, AclConstants.ACL_PKG_VERSION_PARTS_MAX_SIZE);
        Write(parts.Length > 1 ? parts[1] : "", (byte*)version->minorVersion, AclConstants.ACL_PKG_VERSION_PARTS_MAX_SIZE);
        Write(parts.Length > 2 ? parts[2] : "", (byte*)version->releaseVersion, AclConstants.ACL_PKG_VERSION_PARTS_MAX_SIZE);
        Write(parts.Length > 3 ? parts[3] : "", (byte*)version->patchVersion, AclConstants.ACL_PKG_VERSION_PARTS_MAX_SIZE);
    }

    /// <summary>9.1.0 is 90100000: two digits of the major, two of the minor and the rest of the release, so that numbers compare as versions do.</summary>
    internal static bool TryNumber(string text, out int number)
    {
        number = 0;
        string[] parts = text.Split('.', 4);
        if (parts.Length < 3 || !TryPart(parts[0], out int major) || !TryPart(parts[1], out int minor) || !TryPart(parts[2], out int release) || major > 213 || minor > 99 || release > 99)
        {
            return false;
        }
        number = major * 10_000_000 + minor * 100_000 + release * 1000;
        return true;
    }

    private static bool TryPart(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static string Find(string package)
    {
        string? home = Environment.GetEnvironmentVariable("ASCEND_HOME_PATH");
        // A name is one directory: nothing outside the installation is read.
        if (!string.IsNullOrEmpty(home) && package.Length > 0 && package.IndexOf('/') < 0 && package is not ("." or ".."))
        {
            foreach (string name in (string[])[package, package.Replace('-', '_'), package.Replace('_', '-')])
            {
                string path = Path.Combine(home, "share", "info", name, "version.info");
                if (File.Exists(path))
                {
                    return ReadVersion(path);
                }
            }
        }
        return s_own.Contains(package.Replace('_', '-')) ? Emulated
            : throw new AclException(AclError.InvalidFile, $"There is no package \"{package}\": no share/info/{package}/version.info below ASCEND_HOME_PATH ({(string.IsNullOrEmpty(home) ? "not set" : home)}).");
    }

    private static string ReadVersion(string path)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                if (line.TrimStart().StartsWith("Version=", StringComparison.OrdinalIgnoreCase))
                {
                    return line[(line.IndexOf('=') + 1)..].Trim();
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new AclException(AclError.InvalidFile, $"{path} cannot be read: {exception.Message}");
        }
        throw new AclException(AclError.ParseFile, $"{path} has no line \"Version=\".");
    }

    /// <summary>A C string into a buffer of that size; cut where it does not fit.</summary>
    internal static void Write(string text, byte* buffer, int sizeBytes)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = Math.Min(bytes.Length, sizeBytes - 1);
        bytes.AsSpan(0, length).CopyTo(new Span<byte>(buffer, length));
        buffer[length] = 0;
    }
}
