using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>A failure on its way to the caller: the row turns it into <see cref="Code"/>, the text goes to <c>aclGetRecentErrMsg</c>.</summary>
internal sealed class AclException(AclError code, string text, bool isStored = true, string? messageCode = null) : Exception(text)
{
    /// <summary>The documented code of the message, where it does not follow from the error code alone.</summary>
    internal string? MessageCode { get; } = messageCode;

    internal AclError Code { get; } = code;

    /// <summary>False for the failures that <c>aclrtGetLastError</c> never shows, although they are runtime codes.</summary>
    internal bool IsStored { get; } = isStored;
}

/// <summary>Throws in one expression, so that the checks of a row read as a list.</summary>
internal static class Check
{
    internal static unsafe void NotNull(void* pointer, string name, AclError code = AclError.InvalidParam)
    {
        if (pointer == null)
        {
            throw new AclException(code, $"{name} is NULL; give a valid pointer.", messageCode: code == AclError.InvalidParam ? "EH0002" : "EE1004");
        }
    }

    internal static void That([DoesNotReturnIf(false)] bool condition, AclError code, string text, string? messageCode = null)
    {
        if (!condition)
        {
            throw new AclException(code, text, messageCode: messageCode);
        }
    }

    /// <summary>As above; a text with values in it is composed only when the check fails.</summary>
    internal static void That([DoesNotReturnIf(false)] bool condition, AclError code, [InterpolatedStringHandlerArgument(nameof(condition))] ref FailureText text, string? messageCode = null)
    {
        if (!condition)
        {
            throw new AclException(code, text.Compose(), messageCode: messageCode);
        }
    }

    /// <summary>For rows with <see cref="ChecksChipAttribute"/>: 207000 when the running chip does not have the function.</summary>
    internal static void Supported(Function function)
    {
        if (!Chip.Supports(function))
        {
            Fail(AclError.RtFeatureNotSupport, Rows.UnsupportedText(function), ThreadState.StoresUnsupported(function));
        }
    }

    [DoesNotReturn]
    internal static void Fail(AclError code, string text, bool isStored = true) => throw new AclException(code, text, isStored);
}

/// <summary>The text of a check: a successful one must not pay for it, in time or in garbage.</summary>
[InterpolatedStringHandler]
internal ref struct FailureText
{
    private DefaultInterpolatedStringHandler _text;

    public FailureText(int literalLength, int formattedCount, bool condition, out bool isNeeded)
    {
        isNeeded = !condition;
        _text = isNeeded ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public void AppendFormatted(string? value) => _text.AppendFormatted(value);

    internal string Compose() => _text.ToStringAndClear();
}
