using NativeCollectives.Bench;

// Started by a user this is the benchmark; it starts itself again as the ranks.
return args is ["rank"] ? RankProgram.Run() : await CommandLine.Create().Parse(args).InvokeAsync();
