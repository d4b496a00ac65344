using NativeCollectives.Bench;

// Started by a user this is the benchmark; it starts itself again as the ranks.
return args.SequenceEqual(RankProgram.Arguments)
    ? RankProgram.Run()
    : await CommandLine.Create().Parse(args).InvokeAsync();
