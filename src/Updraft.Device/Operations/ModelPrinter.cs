using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Updraft.Device;

/// <summary>What a model holds, for people: as lines in the log, or as a JSON file.</summary>
internal static unsafe class ModelPrinter
{
    /// <summary>aclmdlRIDebugPrint. The library never writes to stdout: the lines go to the log, at level info.</summary>
    internal static void Print(ModelHandle handle)
    {
        ModelInstance model = Get(handle);
        Log.Info($"model {model.Id} \"{model.Name}\": {model.Graph.Lanes.Length} streams");
        foreach (Lane lane in model.Graph.Lanes)
        {
            for (int index = 0; index < lane.Count; index++)
            {
                Log.Info($"model {model.Id} stream {lane.Source.Id} task {lane.Sequence(index)}: {lane[index].Kind} {Describe(lane, index)}");
            }
        }
    }

    internal static void PrintJson(ModelHandle handle, byte* path)
    {
        ModelInstance model = Get(handle);
        Check.NotNull(path, nameof(path));
        string file = Marshal.PtrToStringUTF8((nint)path)!;
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, new JsonWriterOptions { Indented = true }))
        {
            Write(json, model);
        }
        try
        {
            File.WriteAllBytes(file, text.ToArray());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            Check.Fail(AclError.RtFileOpen, $"The file \"{file}\" cannot be written: {exception.Message}");
        }
    }

    private static ModelInstance Get(ModelHandle handle)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "modelRI is NULL; give a model.");
        ModelInstance model = handle.Get();
        Check.That(model.Capture == null, AclError.RtModelCaptured, $"Model {model.Id} is still being captured; end it with aclmdlRICaptureEnd first.");
        return model;
    }

    private static void Write(Utf8JsonWriter json, ModelInstance model)
    {
        json.WriteStartObject();
        json.WriteNumber("id", model.Id);
        json.WriteString("name", model.Name);
        json.WriteStartArray("streams");
        foreach (Lane lane in model.Graph.Lanes)
        {
            json.WriteStartObject();
            json.WriteNumber("stream", lane.Source.Id);
            json.WriteStartArray("tasks");
            for (int index = 0; index < lane.Count; index++)
            {
                json.WriteStartObject();
                json.WriteNumber("task", lane.Sequence(index));
                json.WriteString("type", lane[index].Kind == CommandKind.Task ? lane.Attached(index)!.GetType().Name : lane[index].Kind.ToString());
                if (Describe(lane, index) is { Length: > 0 } details)
                {
                    json.WriteString("details", details);
                }
                if (lane.Attached(index) is GraphEdge edge)
                {
                    json.WriteNumber("after", edge.From.Sequence(edge.Count - 1));
                }
                if (lane.Attached(index) is ConditionalTask conditional)
                {
                    json.WriteStartArray("bodies");
                    foreach (ModelInstance body in conditional.Bodies)
                    {
                        Write(json, body);
                    }
                    json.WriteEndArray();
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Addresses as the program knows them.</summary>
    private static string Describe(Lane lane, int index)
    {
        ref Command command = ref lane[index];
        return command.Kind switch
        {
            CommandKind.Copy or CommandKind.CopyGuarded => Text($"{command.C} bytes from 0x{Address(command.B):x} to 0x{Address(command.A):x}"),
            CommandKind.Copy2D => Rows(command, (Rectangle)lane.Attached(index)!),
            CommandKind.Fill => Text($"{command.C} bytes at 0x{Address(command.A):x} with 0x{command.B:x}"),
            CommandKind.Fill32 => Text($"{command.C} numbers at 0x{Address(command.A):x} with 0x{command.B:x}"),
            CommandKind.CacheOperation => Text($"{(aclrtCmoType)command.C} of {command.B} bytes at 0x{command.A:x}{(lane.Attached(index) is CacheInvalidation operation ? $", barrier {operation.BarrierId}" : "")}"),
            CommandKind.EventWait when lane.Attached(index) is BarrierWait wait => "barriers " + string.Join(' ', wait.BarrierIds),
            _ => "",
        };
    }

    private static string Rows(in Command command, Rectangle rectangle) =>
        Text($"{rectangle.Height} rows of {rectangle.Width} bytes from 0x{Address(command.B):x} to 0x{Address(command.A):x}");

    private static nuint Address(nuint backing) =>
        AddressSpace.IsDevice(backing - AddressSpace.BackingDistance) ? backing - AddressSpace.BackingDistance : backing;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
