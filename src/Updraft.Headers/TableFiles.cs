using Updraft.Interface;

namespace Updraft.Headers;

internal static class TableFiles
{
    /// <summary>Reads the table from a directory that holds its four texts.</summary>
    public static InterfaceTable Read(string directory)
    {
        string Text(string file) => File.ReadAllText(Path.Combine(directory, file));
        return InterfaceTable.Parse(Text("functions.txt"), Text("types.txt"), Text("constants.txt"), Text("overloads.txt"));
    }
}
