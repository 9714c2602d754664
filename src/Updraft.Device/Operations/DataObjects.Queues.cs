using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>What a queue is to be made like.</summary>
internal sealed class QueueAttributes
{
    internal OwnedText? Name;
    internal uint Depth = 2;
}

/// <summary>A way from one queue to another. Bound by nobody here: its status stays 0.</summary>
internal sealed class QueueRoute(uint source, uint destination)
{
    internal uint Source = source, Destination = destination;
}

/// <summary>Copies of routes, in the order in which they were added.</summary>
internal sealed class QueueRouteList
{
    internal readonly List<QueueRoute> Routes = [];
}

/// <summary>Which routes are asked for: those from a queue, to a queue, or both.</summary>
internal sealed class QueueRouteQuery
{
    internal acltdtQueueRouteQueryMode? Mode;
    internal uint? Source, Destination;
}

/// <summary>The plain objects of queues. Every value travels as an address and a length, which must be that of the value's type.</summary>
internal static unsafe class QueueObjects
{
    internal const string AttributesKind = "queue attributes", RouteKind = "queue route", ListKind = "queue route list", QueryKind = "queue route query";
    private const int MaximumNameBytes = 127;

    internal static void Set(ObjectHandle handle, acltdtQueueAttrType type, nuint lengthBytes, void* value)
    {
        QueueAttributes attributes = handle.Get<QueueAttributes>("attr", AttributesKind);
        Check.NotNull(value, "param");
        switch (type)
        {
            case acltdtQueueAttrType.ACL_TDT_QUEUE_NAME_PTR:
                CheckLength(lengthBytes, sizeof(byte*));
                byte* name = *(byte**)value;
                Check.NotNull(name, "The name");
                int length = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name).Length;
                Check.That(length is > 0 and <= MaximumNameBytes, AclError.InvalidParam, $"The name has {length} bytes; expected 1 to {MaximumNameBytes}.");
                attributes.Name = new OwnedText(name);
                break;
            case acltdtQueueAttrType.ACL_TDT_QUEUE_DEPTH_UINT32:
                CheckLength(lengthBytes, sizeof(uint));
                attributes.Depth = *(uint*)value;
                break;
            default:
                throw Unknown(nameof(acltdtQueueAttrType), (int)type);
        }
    }

    internal static void Get(ObjectHandle handle, acltdtQueueAttrType type, nuint lengthBytes, nuint* writtenBytes, void* value)
    {
        QueueAttributes attributes = handle.Get<QueueAttributes>("attr", AttributesKind);
        Check.NotNull(writtenBytes, "paramRetSize");
        Check.NotNull(value, "param");
        switch (type)
        {
            case acltdtQueueAttrType.ACL_TDT_QUEUE_NAME_PTR:
                CheckRoom(lengthBytes, sizeof(byte*));
                *(byte**)value = attributes.Name == null ? NativeText.Of("") : attributes.Name.Pointer;
                *writtenBytes = (nuint)sizeof(byte*);
                break;
            case acltdtQueueAttrType.ACL_TDT_QUEUE_DEPTH_UINT32:
                CheckRoom(lengthBytes, sizeof(uint));
                *(uint*)value = attributes.Depth;
                *writtenBytes = sizeof(uint);
                break;
            default:
                throw Unknown(nameof(acltdtQueueAttrType), (int)type);
        }
    }

    internal static void Get(ObjectHandle handle, acltdtQueueRouteParamType type, nuint lengthBytes, nuint* writtenBytes, void* value)
    {
        QueueRoute route = handle.Get<QueueRoute>("route", RouteKind);
        Check.NotNull(writtenBytes, "paramRetSize");
        Check.NotNull(value, "param");
        uint found = type switch
        {
            acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_SRC_UINT32 => route.Source,
            acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_DST_UINT32 => route.Destination,
            acltdtQueueRouteParamType.ACL_TDT_QUEUE_ROUTE_STATUS_INT32 => 0,
            _ => throw Unknown(nameof(acltdtQueueRouteParamType), (int)type),
        };
        CheckRoom(lengthBytes, sizeof(uint));
        *(uint*)value = found;
        *writtenBytes = sizeof(uint);
    }

    internal static QueueRouteList List(ObjectHandle handle) => handle.Get<QueueRouteList>("routeList", ListKind);

    internal static void Add(ObjectHandle list, ObjectHandle route)
    {
        List<QueueRoute> routes = List(list).Routes;
        QueueRoute added = route.Get<QueueRoute>("route", RouteKind);
        routes.Add(new QueueRoute(added.Source, added.Destination));
    }

    /// <summary>The object that <paramref name="target"/> names becomes a copy of the route in the list.</summary>
    internal static void Copy(ObjectHandle list, nuint index, ObjectHandle target)
    {
        List<QueueRoute> routes = List(list).Routes;
        QueueRoute route = target.Get<QueueRoute>("route", RouteKind);
        Check.That(index < (nuint)routes.Count, AclError.InvalidParam, $"index is {index}; there are {routes.Count} routes.");
        (route.Source, route.Destination) = (routes[(int)index].Source, routes[(int)index].Destination);
    }

    internal static void Set(ObjectHandle handle, acltdtQueueRouteQueryInfoParamType type, nuint lengthBytes, void* value)
    {
        QueueRouteQuery query = handle.Get<QueueRouteQuery>("param", QueryKind);
        Check.NotNull(value, nameof(value));
        Check.That(Enum.IsDefined(type), AclError.InvalidParam, $"type is {(int)type}; expected a value of {nameof(acltdtQueueRouteQueryInfoParamType)}.");
        CheckLength(lengthBytes, sizeof(uint));
        switch (type)
        {
            case acltdtQueueRouteQueryInfoParamType.ACL_TDT_QUEUE_ROUTE_QUERY_MODE_ENUM:
                var mode = *(acltdtQueueRouteQueryMode*)value;
                Check.That(Enum.IsDefined(mode), AclError.InvalidParam, $"The mode is {(int)mode}; expected a value of {nameof(acltdtQueueRouteQueryMode)}.");
                query.Mode = mode;
                break;
            case acltdtQueueRouteQueryInfoParamType.ACL_TDT_QUEUE_ROUTE_QUERY_SRC_ID_UINT32:
                query.Source = *(uint*)value;
                break;
            default:
                query.Destination = *(uint*)value;
                break;
        }
    }

    private static void CheckLength(nuint lengthBytes, int expected) => Check.That(lengthBytes == (nuint)expected, AclError.InvalidParam, $"len is {lengthBytes}; the value has {expected} bytes.");

    private static void CheckRoom(nuint lengthBytes, int needed) => Check.That(lengthBytes >= (nuint)needed, AclError.InvalidParam, $"len is {lengthBytes}; the value needs {needed} bytes.");

    private static AclException Unknown(string expected, int value) => new(AclError.InvalidParam, $"type is {value}; expected a value of {expected}.");
}
