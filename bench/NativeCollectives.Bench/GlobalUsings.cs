// What the benchmark shares with the tool: collectives bench.
global using NativeCollectives.Cli;
global using NativeCollectives.Cli.Bench;
