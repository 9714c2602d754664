using Updraft.Headers;

if (args is not [var what, var interfaceDirectory, var target] || what is not ("headers" or "conformance" or "fuzz"))
{
    Console.Error.WriteLine("usage: updraft-headers headers|conformance|fuzz INTERFACE-DIRECTORY TARGET-DIRECTORY");
    return 2;
}

var table = TableFiles.Read(interfaceDirectory);
var files = what switch
{
    "headers" => HeaderPrinter.Print(table),
    "conformance" => ConformancePrinter.Print(table),
    _ => FuzzPrinter.Print(table),
};
foreach ((string path, string text) in files)
{
    string file = Path.Combine(target, path);
    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
    File.WriteAllText(file, text);
}
Console.WriteLine($"{files.Count} files printed to {target}");
return 0;
