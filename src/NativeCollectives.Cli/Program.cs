using NativeCollectives.Cli;
using NativeCollectives.Cli.Processes;

Libc.RestoreDefault(Signals.ChildEnded);
return await Tool.RunAsync(args);
