using System.Numerics;

namespace Updraft.Device;

/// <summary>
/// The arithmetic of a reduction. Integers wrap around; sums of floating-point numbers are rounded once, to nearest, ties to even;
/// maximum and minimum of a NaN are NaN; "equal" leaves 1 where both elements are equal and 0 elsewhere. A last part of an element
/// is left alone.
/// </summary>
internal sealed unsafe class Reduction(nuint to, nuint from, nuint count, aclrtReduceKind kind, aclDataType type) : DeviceTask
{
    internal override bool UsesLiveMemory => Place.OfBacking(to, Bytes).IsWhole && Place.OfBacking(from, Bytes).IsWhole;

    private nuint Bytes => count * (nuint)Reductions.SizeOf(type);

    internal override bool Run(Stream stream, ref AclError result)
    {
        switch (type)
        {
            case aclDataType.ACL_INT8:
                Reduce((sbyte*)to, (sbyte*)from);
                break;
            case aclDataType.ACL_INT16:
                Reduce((short*)to, (short*)from);
                break;
            case aclDataType.ACL_INT32:
                Reduce((int*)to, (int*)from);
                break;
            case aclDataType.ACL_UINT32:
                Reduce((uint*)to, (uint*)from);
                break;
            case aclDataType.ACL_FLOAT:
                Reduce((float*)to, (float*)from);
                break;
            case aclDataType.ACL_FLOAT16:
                Reduce((Half*)to, (Half*)from);
                break;
            default:
                ReduceBFloat16((ushort*)to, (ushort*)from);
                break;
        }
        return true;
    }

    private void Reduce<T>(T* target, T* source) where T : unmanaged, INumber<T>
    {
        switch (kind)
        {
            case aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM:
                for (nuint index = 0; index < count; index++)
                {
                    target[index] = unchecked(target[index] + source[index]);
                }
                break;
            case aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX:
                for (nuint index = 0; index < count; index++)
                {
                    target[index] = T.Max(target[index], source[index]);
                }
                break;
            case aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN:
                for (nuint index = 0; index < count; index++)
                {
                    target[index] = T.Min(target[index], source[index]);
                }
                break;
            default:
                for (nuint index = 0; index < count; index++)
                {
                    target[index] = target[index] == source[index] ? T.One : T.Zero;
                }
                break;
        }
    }

    // The framework has no type for it: a bf16 is the upper half of a float.
    private void ReduceBFloat16(ushort* target, ushort* source)
    {
        for (nuint index = 0; index < count; index++)
        {
            float left = ToFloat(target[index]), right = ToFloat(source[index]);
            target[index] = kind switch
            {
                aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM => ToBFloat16(left + right),
                aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX => ToBFloat16(MathF.Max(left, right)),
                aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN => ToBFloat16(MathF.Min(left, right)),
                _ => ToBFloat16(left == right ? 1 : 0),
            };
        }
    }

    private static float ToFloat(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    /// <summary>
    /// To nearest, ties to even. The sum was rounded to a float before; that cannot move it across a tie, because a float has more
    /// than twice the digits of a bf16 and two to spare.
    /// </summary>
    internal static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}
