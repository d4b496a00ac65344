using NativeCollectives.Surface;

if (args is not [var root])
{
    Console.Error.WriteLine("usage: NativeCollectives.Surface <the repository's root>");
    return 1;
}

string folder = Path.Combine(root, Files.Folder);
Directory.CreateDirectory(folder);
foreach ((string name, string text) in Files.All())
{
    File.WriteAllText(Path.Combine(folder, name), text);
    Console.WriteLine($"{Files.Folder}/{name}");
}

return 0;
