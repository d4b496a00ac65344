// The build, for Cake.Tool (pinned in .config/dotnet-tools.json). Started by build.sh.
//
//   Clean        removes everything that a build makes
//   Native       C++ libraries and tests, preset release
//   Build        all of it (default); leaves artifacts/bin/collectives and artifacts/bin/conformance-rank
//   Test         every test: native, .NET, sanitizers
//   Sanitizers   the native tests and a multi-process run under ASan+UBSan and under TSan
//   Conformance  replays recorded MLX ranks: the folder NC_MLX_VECTORS, or tests/vectors
//   Demo         four ranks of a ring on this machine; --backend=jaccl: over RDMA verbs in software, in a mesh, or
//                --ring; --ranks=N
//   Pack         the NuGet packages, in artifacts/packages; builds the native libraries for every platform
//   Package-Test checks the packages, and uses them as a stranger would
//   Bindings     generates bindings/ from the C header
//   Surface      writes the overloads of every operation from surface/Table.cs
//   Format       clang-format and CSharpier; with --check it only looks

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Xml.Linq;

var target = Argument("target", "Build");
var configuration = Argument("configuration", "Release");
var filter = Argument("filter", "");
var check = HasArgument("check");

var root = Context.Environment.WorkingDirectory;
var artifacts = root.Combine("artifacts");
var results = artifacts.Combine("test-results");
var solution = root.CombineWithFilePath("NativeCollectives.sln").FullPath;
var testProject = root.CombineWithFilePath("tests/NativeCollectives.Tests/NativeCollectives.Tests.csproj").FullPath;

DirectoryPath Output(string project) =>
    artifacts.Combine("dotnet/bin").Combine(project).Combine(configuration.ToLowerInvariant());

DirectoryPath NativeOutput(string preset) => artifacts.Combine("native").Combine(preset);

// ---- running programs -----------------------------------------------------------------------------------------------

// What still runs when the build has failed does not outlive it.
var started = new System.Collections.Concurrent.ConcurrentBag<System.Diagnostics.Process>();
Teardown(_ =>
{
    foreach (var process in started.Where(process => !process.HasExited))
    {
        process.Kill(entireProcessTree: true);
    }
});

System.Diagnostics.Process Start(ProcessStartInfo start)
{
    var process = System.Diagnostics.Process.Start(start);
    started.Add(process);
    return process;
}

int Exec(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment = null)
{
    var start = new ProcessStartInfo(program) { WorkingDirectory = root.FullPath, UseShellExecute = false };
    foreach (var argument in arguments)
    {
        start.ArgumentList.Add(argument);
    }
    foreach (var (name, value) in environment ?? new Dictionary<string, string>())
    {
        start.Environment[name] = value;
    }
    var process = Start(start);
    process.WaitForExit();
    return process.ExitCode;
}

void Run(string program, params string[] arguments)
{
    var code = Exec(program, arguments);
    if (code != 0)
    {
        throw new CakeException($"{program} {string.Join(' ', arguments)} ended with {code}");
    }
}

// artifacts/bin/NAME: a program that works from any folder and finds the dotnet that built it.
void Shim(string name, string project, string comment)
{
    var shim = artifacts.CombineWithFilePath("bin/" + name).FullPath;
    EnsureDirectoryExists(artifacts.Combine("bin"));
    System.IO.File.WriteAllText(
        shim,
        string.Join(
            '\n',
            "#!/bin/sh",
            "# " + comment,
            "here=${0%/*}",
            "[ \"$here\" != \"$0\" ] || here=.",
            $"exec dotnet \"$here/../dotnet/bin/{project}/{configuration.ToLowerInvariant()}/{name}.dll\" \"$@\"",
            ""
        )
    );
    System.IO.File.SetUnixFileMode(shim, (UnixFileMode)Convert.ToInt32("755", 8));
}

// One compiler for all projects: it is fast once it is warm. It ends with this, as it would hold the pipes of whoever
// called us.
void Compile(params string[][] commands)
{
    try
    {
        foreach (var command in commands)
        {
            Run("dotnet", command.Append("-p:UseSharedCompilation=true").ToArray());
        }
    }
    finally
    {
        Exec("sh", new[] { "-c", "dotnet build-server shutdown --vbcscompiler >/dev/null" });
    }
}

void BuildNative(string preset)
{
    Run("cmake", "--preset", preset);
    Run("cmake", "--build", "build/" + preset);
}

// A command beside the tests, which seldom keep all processors busy: it gives way to them, or with onlyIdle, where the
// system can do that, takes no more than what they leave. Ranks that wait yield, and anything else then keeps them
// waiting. Returns what waits for it.
Action Meanwhile(string name, string command, bool onlyIdle = false)
{
    EnsureDirectoryExists(results);
    var log = results.CombineWithFilePath(name + ".log").FullPath;
    var start = new ProcessStartInfo("nice") { WorkingDirectory = root.FullPath, UseShellExecute = false };
    var may = onlyIdle && Exec("sh", new[] { "-c", "chrt --idle 0 true 2>/dev/null" }) == 0;
    var idly = may ? new[] { "chrt", "--idle", "0" } : Array.Empty<string>();
    foreach (
        var argument in new[] { "-n", "19" }.Concat(idly).Concat(new[] { "sh", "-c", $"({command}) >'{log}' 2>&1" })
    )
    {
        start.ArgumentList.Add(argument);
    }
    // A process that has ended does not tell when it began.
    var begin = DateTime.Now;
    var process = Start(start);
    return () =>
    {
        process.WaitForExit();
        times.Enqueue(($"{name}, beside the tests", process.ExitTime - begin));
        if (process.ExitCode != 0)
        {
            Console.WriteLine(System.IO.File.ReadAllText(log));
            throw new CakeException($"{name} ended with {process.ExitCode}");
        }
    };
}

Action BuildNativeSanitizedMeanwhile() =>
    Meanwhile(
        "native-sanitized",
        string.Join(
            " && ",
            new[] { "asan", "tsan" }.Select(preset => $"cmake --preset {preset} && cmake --build build/{preset}")
        ),
        onlyIdle: true
    );

// ---- packages -------------------------------------------------------------------------------------------------------

var packages = artifacts.Combine("packages");
var shipped = new[] { "linux-x64", "linux-arm64", "osx-arm64", "osx-x64" };

// The pinned compiler, from npm: build/zig.
void InstallZig()
{
    var zig = root.Combine("build/zig");
    if (
        FileExists(zig.CombineWithFilePath("package.json"))
        && DirectoryExists(zig.Combine("node_modules"))
        && System.IO.File.ReadAllText(zig.CombineWithFilePath("package.json").FullPath)
            == System.IO.File.ReadAllText("cmake/zig/package.json")
    )
    {
        return;
    }
    EnsureDirectoryExists(zig);
    CopyFileToDirectory("cmake/zig/package.json", zig);
    Run("npm", "install", "--prefix", zig.FullPath, "--no-package-lock", "--no-audit", "--no-fund", "--silent");
}

// The native libraries of every platform, and a C program that uses them.
void BuildNativeShipped()
{
    InstallZig();
    EnsureDirectoryExists(results);
    foreach (var preset in shipped)
    {
        // While zig compiles its C++ library for macOS, it writes tens of thousands of lines of warnings.
        var log = results.CombineWithFilePath($"native-{preset}.log").FullPath;
        if (Exec("sh", new[] { "-c", $"(cmake --preset {preset} && cmake --build build/{preset}) >'{log}' 2>&1" }) != 0)
        {
            Console.WriteLine(
                string.Join(
                    '\n',
                    System
                        .IO.File.ReadLines(log)
                        .Where(line => line.Contains("error:") || line.StartsWith("FAILED"))
                        .Take(50)
                )
            );
            throw new CakeException(
                $"the native libraries for {preset} could not be built; all that was said is in {log}"
            );
        }
    }
}

void Pack()
{
    BuildNativeShipped();
    var work = root.Combine("build/pack");
    foreach (var directory in new[] { packages, work })
    {
        EnsureDirectoryExists(directory);
        CleanDirectory(directory);
    }
    // The tool takes our other packages from where they are being made, and all else from where the build has put it.
    var cache =
        EnvironmentVariable("NUGET_PACKAGES")
        ?? System.IO.Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
            ".nuget",
            "packages"
        );
    var configuration = work.CombineWithFilePath("nuget.config").FullPath;
    System.IO.File.WriteAllText(
        configuration,
        $"""
        <configuration>
          <packageSources>
            <clear />
            <add key="packed" value="{packages}" />
            <add key="restored" value="{cache}" />
          </packageSources>
          <packageSourceMapping>
            <packageSource key="packed">
              <package pattern="NativeCollectives" />
              <package pattern="NativeCollectives.*" />
            </packageSource>
            <packageSource key="restored"><package pattern="*" /></packageSource>
          </packageSourceMapping>
        </configuration>
        """
    );
    Compile(
        new[] { "NativeCollectives", "NativeCollectives.Hosting", "NativeCollectives.Cli" }
            .Select(name =>
                new[]
                {
                    "pack",
                    $"src/{name}/{name}.csproj",
                    "--configuration",
                    "Release",
                    "--nologo",
                    "--verbosity",
                    "quiet",
                    "--output",
                    packages.FullPath,
                    "-p:Packing=true",
                    // The build has looked at these sources.
                    "-p:RunAnalyzers=false",
                    $"-p:ArtifactsPath={work.Combine("dotnet")}",
                    $"-p:RestoreConfigFile={configuration}",
                    $"-p:RestorePackagesPath={work.Combine("restored")}",
                }
            )
            .ToArray()
    );
}

Action PackageTests()
{
    return ManagedTests(
        "packages",
        filter.Length > 0 ? filter : "Category=Package",
        new Dictionary<string, string> { ["NC_TEST_PACKAGES"] = "required" }
    );
}

// ---- what the tests said --------------------------------------------------------------------------------------------

var outcomes = new List<(string Name, int Passed, int Failed, TimeSpan Time)>();

void Record(string name, int exitCode, int passed, int failed, TimeSpan time)
{
    // A run that ends badly without naming a failed test (a crash, a hang, a report of a sanitizer) is a failure too.
    outcomes.Add((name, passed, exitCode != 0 && failed == 0 ? 1 : failed, time));
}

// How long everything else took.
var times = new System.Collections.Concurrent.ConcurrentQueue<(string Name, TimeSpan Time)>();

void Timed(string name, Action action)
{
    var clock = Stopwatch.StartNew();
    action();
    times.Enqueue((name, clock.Elapsed));
}

string Minutes(TimeSpan time) => $"{(int)time.TotalMinutes,3} min {time.Seconds,2} s";

// What the fuzzers did: how many rounds, and by which seed to repeat them (NC_FUZZ_SEED).
var fuzzers = new List<(string Name, string Seed, int Formats, long Rounds)>();

void RecordFuzzers(string name, IEnumerable<(string Seed, long Rounds)> runs)
{
    fuzzers.AddRange(
        runs.GroupBy(run => run.Seed).Select(group => (name, group.Key, group.Count(), group.Sum(run => run.Rounds)))
    );
}

// As a test's report has it, by the name of the property.
string Property(XElement test, string name) =>
    (string)
        test.Descendants("property")
            .FirstOrDefault(property => (string)property.Attribute("name") == name)
            ?.Attribute("value")
    ?? (string)test.Attribute(name);

int Number(XElement element, string attribute) =>
    int.Parse(element?.Attribute(attribute)?.Value ?? "0", CultureInfo.InvariantCulture);

// Runs them, and returns what records the outcome.
Action NativeTests(string preset, IReadOnlyDictionary<string, string> environment = null)
{
    EnsureDirectoryExists(results);
    var report = results.CombineWithFilePath($"native-{preset}.xml").FullPath;
    if (FileExists(report))
    {
        DeleteFile(report);
    }
    var clock = Stopwatch.StartNew();
    var code = Exec(
        NativeOutput(preset).CombineWithFilePath("nc_native_tests").FullPath,
        new[] { "--gtest_brief=1", "--gtest_output=xml:" + report },
        environment
    );
    var time = clock.Elapsed;
    var suites = FileExists(report) ? XDocument.Load(report).Root : null;
    var failed = Number(suites, "failures") + Number(suites, "errors");
    var skipped = suites?.Descendants("testcase").Count(test => (string)test.Attribute("result") != "completed") ?? 0;
    var fuzzed = (suites?.Descendants("testcase") ?? Enumerable.Empty<XElement>())
        .Where(test => Property(test, "fuzz_rounds") is not null)
        .Select(test =>
            (Property(test, "fuzz_seed"), long.Parse(Property(test, "fuzz_rounds"), CultureInfo.InvariantCulture))
        )
        .ToList();
    return () =>
    {
        Record(
            $"native tests, {preset}",
            suites is null ? 1 : code,
            Number(suites, "tests") - failed - skipped,
            failed,
            time
        );
        RecordFuzzers($"native tests, {preset}", fuzzed);
    };
}

// Runs them, and returns what records the outcome.
Action ManagedTests(string name, string select, IReadOnlyDictionary<string, string> environment = null)
{
    EnsureDirectoryExists(results);
    var report = results.CombineWithFilePath($"{name}.trx").FullPath;
    if (FileExists(report))
    {
        DeleteFile(report);
    }
    var arguments = new List<string>
    {
        "test",
        testProject,
        "--configuration",
        configuration,
        "--no-build",
        "--nologo",
        "--results-directory",
        results.FullPath,
        "--logger",
        $"trx;LogFileName={name}.trx",
        "--logger",
        "console;verbosity=minimal",
        "--blame-hang-timeout",
        "5m",
        "--blame-hang-dump-type",
        "none",
    };
    if (select.Length > 0)
    {
        arguments.AddRange(new[] { "--filter", select });
    }
    // A filter that matches nothing, or a run without tests, is a failure.
    arguments.AddRange(new[] { "--", "RunConfiguration.TreatNoTestsAsError=true" });
    var clock = Stopwatch.StartNew();
    var code = Exec("dotnet", arguments, environment);
    var time = clock.Elapsed;
    var said = FileExists(report) ? XDocument.Load(report).Descendants().ToList() : new List<XElement>();
    var counters = said.FirstOrDefault(element => element.Name.LocalName == "Counters");
    return () =>
    {
        Record(
            $".NET tests, {name}",
            counters is null ? 1 : code,
            Number(counters, "passed"),
            Number(counters, "failed"),
            time
        );
        RecordFuzzers(
            $".NET tests, {name}",
            said.Where(element => element.Name.LocalName == "StdOut")
                .SelectMany(element =>
                    System.Text.RegularExpressions.Regex.Matches(
                        element.Value,
                        @"(?m)^fuzzer: .*, (\d+) rounds, seed (\d+)"
                    )
                )
                .Select(match =>
                    (match.Groups[2].Value, long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))
                )
        );
    };
}

// Runs all of these at once, and returns what records their outcomes, in this order.
Action AtOnce(params Func<Action>[] runs)
{
    var tasks = runs.Select(run => System.Threading.Tasks.Task.Run(run)).ToList();
    return tasks.Aggregate((Action)null, (records, run) => records + run.Result);
}

// What the user selects; without that everything but what needs a GPU, unless there is one.
string Selected()
{
    if (filter.Length > 0 || EnvironmentVariable("NC_TEST_NCCL") == "real")
    {
        return filter;
    }
    Console.WriteLine(
        "Not run: the tests of category NcclGpu, which need a GPU and NVIDIA's libraries. On a machine that has them: "
            + "tests/gpu/run.sh"
    );
    return "Category!=NcclGpu";
}

// Those of the packages come later, when these are there; those of sanitized processes with the sanitizers.
string WithoutLater(string select) =>
    (select.Length > 0 ? $"({select})&" : "") + "Category!=Package&Category!=Sanitized";

void Conclude()
{
    EnsureDirectoryExists(results);
    Console.WriteLine();
    foreach (var (name, time) in times)
    {
        Console.WriteLine($"{name, -44} {"", 27} {Minutes(time)}");
    }
    foreach (var (name, passed, failed, time) in outcomes)
    {
        Console.WriteLine($"{name, -44} {passed, 6} passed {failed, 4} failed {Minutes(time)}");
    }
    foreach (var (name, seed, formats, rounds) in fuzzers)
    {
        Console.WriteLine(
            $"fuzzers in {name}: {rounds.ToString("N0", CultureInfo.InvariantCulture)} rounds of {formats} formats, "
                + $"seed {seed}"
        );
    }
    var line = $"{outcomes.Sum(outcome => outcome.Passed)} passed, {outcomes.Sum(outcome => outcome.Failed)} failed";
    System.IO.File.WriteAllText(results.CombineWithFilePath("summary.txt").FullPath, line + "\n");
    Console.WriteLine(line);
    if (outcomes.Any(outcome => outcome.Failed > 0))
    {
        throw new CakeException(
            "tests failed: "
                + string.Join("; ", outcomes.Where(outcome => outcome.Failed > 0).Select(outcome => outcome.Name))
        );
    }
}

// ---- sanitizers -----------------------------------------------------------------------------------------------------

// The worker with the sanitized libraries beside it; the tests start it from there, with the sanitizer's runtime loaded
// first.
Action SanitizedProcesses(string preset, string runtime, string variable, string options)
{
    var worker = artifacts.Combine("sanitized").Combine(preset);
    EnsureDirectoryExists(worker);
    CleanDirectory(worker);
    CopyDirectory(Output("NativeCollectives.Worker"), worker);
    CopyFiles(NativeOutput(preset).FullPath + "/libnative_collectives*", worker);
    return ManagedTests(
        "sanitized-" + preset,
        "Category=Sanitized",
        new Dictionary<string, string>
        {
            ["NC_TEST_WORKER_DIRECTORY"] = worker.FullPath,
            ["NC_TEST_DOUBLES"] = NativeOutput(preset).Combine("doubles").FullPath,
            ["NC_TEST_WORKER_PRELOAD"] = Runtime(runtime),
            ["NC_TEST_WORKER_SANITIZER"] = $"{variable}={options}",
        }
    );
}

// Where the compiler keeps a runtime library.
string Runtime(string name)
{
    var start = new ProcessStartInfo(EnvironmentVariable("CXX") ?? "c++", "-print-file-name=" + name)
    {
        RedirectStandardOutput = true,
    };
    using var process = System.Diagnostics.Process.Start(start);
    var path = process.StandardOutput.ReadToEnd().Trim();
    process.WaitForExit();
    return System.IO.Path.GetFullPath(path);
}

Action AsanTests() =>
    NativeTests(
        "asan",
        new Dictionary<string, string>
        {
            ["ASAN_OPTIONS"] = "detect_stack_use_after_return=1",
            ["UBSAN_OPTIONS"] = "print_stacktrace=1",
        }
    );

Action TsanTests()
{
    Console.WriteLine("Not under TSan: the tests of what one thread computes (see native/tests/CMakeLists.txt).");
    return NativeTests("tsan", new Dictionary<string, string> { ["TSAN_OPTIONS"] = "second_deadlock_stack=1" });
}

// .NET handles SIGSEGV itself, keeps what it allocated until it ends, and is not instrumented.
Action AsanProcesses() => SanitizedProcesses("asan", "libasan.so", "ASAN_OPTIONS", "handle_segv=0:detect_leaks=0");

Action TsanProcesses()
{
    var known = root.CombineWithFilePath("tests/tsan-suppressions.txt").FullPath;
    return SanitizedProcesses(
        "tsan",
        "libtsan.so",
        "TSAN_OPTIONS",
        $"handle_segv=0:ignore_noninstrumented_modules=1:exitcode=66:history_size=7:suppressions='{known}'"
    );
}

// What the user chooses for the demo.
IEnumerable<string> DemoArguments()
{
    foreach (var name in new[] { "backend", "ranks" }.Where(HasArgument))
    {
        yield return $"--{name}={Argument<string>(name)}";
    }
    if (HasArgument("ring"))
    {
        yield return "--ring";
    }
}

// ---- targets --------------------------------------------------------------------------------------------------------

Task("Clean")
    .Does(() =>
    {
        foreach (var directory in new[] { artifacts, root.Combine("build") })
        {
            if (DirectoryExists(directory))
            {
                DeleteDirectory(directory, new DeleteDirectorySettings { Recursive = true, Force = true });
            }
        }
    });

Task("Native").Does(() => Timed("build, native", () => BuildNative("release")));

Task("Build")
    .IsDependentOn("Native")
    .Does(() =>
    {
        Timed(
            "build, .NET",
            () =>
                Compile(
                    new[] { "build", solution, "--configuration", configuration, "--nologo", "--verbosity", "quiet" }
                )
        );
        Shim(
            "conformance-rank",
            "ConformanceRank",
            "One rank that does the operations of a recorded case: conformance-rank CASE_DIR OUT_DIR"
        );
        Shim("collectives", "NativeCollectives.Cli", "The tool: collectives --help");
    });

Task("Native-Sanitized")
    .Does(() =>
    {
        BuildNative("asan");
        BuildNative("tsan");
    });

Task("Native-Test")
    .IsDependentOn("Native")
    .Does(() =>
    {
        NativeTests("release")();
        Conclude();
    });

Task("Managed-Test")
    .IsDependentOn("Build")
    .Does(() =>
    {
        ManagedTests("managed", Selected())();
        Conclude();
    });

Task("Sanitizers")
    .IsDependentOn("Build")
    .IsDependentOn("Native-Sanitized")
    .Does(() =>
    {
        AtOnce(AsanTests, TsanTests)();
        AtOnce(AsanProcesses, TsanProcesses)();
        Conclude();
    });

// The compiler of .NET leaves a core idle.
Action waitForSanitizedBuilds = null;

Task("Begin-Sanitized")
    .IsDependentOn("Native")
    .Does(() => waitForSanitizedBuilds = BuildNativeSanitizedMeanwhile());

Task("Test")
    .IsDependentOn("Begin-Sanitized")
    .IsDependentOn("Build")
    .Does(() =>
    {
        var waitForPackages = Meanwhile("pack", "dotnet dotnet-cake build.cake --target=Pack-Alone");
        // Beside each other, these and the .NET tests take longer than one behind the other: ranks that wait yield.
        NativeTests("release")();
        // The .NET tests take longest, and leave a core idle while ranks wait for each other: the rest runs meanwhile.
        AtOnce(
            () => ManagedTests("managed", WithoutLater(Selected())),
            () =>
            {
                waitForSanitizedBuilds();
                var records = AtOnce(AsanTests, TsanTests);
                records += AtOnce(AsanProcesses, TsanProcesses);
                waitForPackages();
                return records + PackageTests();
            }
        )();
        Conclude();
    });

Task("Conformance")
    .IsDependentOn("Build")
    .Does(() => Run("dotnet", Output("ConformanceReplay").CombineWithFilePath("conformance-replay.dll").FullPath));

Task("Demo")
    .IsDependentOn("Build")
    .Does(() =>
        Run(
            "dotnet",
            new[] { Output("Demo").CombineWithFilePath("Demo.dll").FullPath }.Concat(DemoArguments()).ToArray()
        )
    );

Task("Pack-Alone").Does(Pack);

Task("Pack").IsDependentOn("Build").IsDependentOn("Pack-Alone");

Task("Package-Test")
    .IsDependentOn("Pack")
    .Does(() =>
    {
        PackageTests()();
        Conclude();
    });

Task("Bindings")
    .Does(() =>
    {
        // ClangSharp's generator: a program named by CLANGSHARP_PINVOKE_GENERATOR, or its dotnet tool.
        var generator = EnvironmentVariable("CLANGSHARP_PINVOKE_GENERATOR") ?? "ClangSharpPInvokeGenerator";
        var start = new ProcessStartInfo(generator, "@generate.rsp")
        {
            WorkingDirectory = root.Combine("bindings").FullPath,
        };
        var began = DateTime.UtcNow;
        try
        {
            using var process = System.Diagnostics.Process.Start(start);
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                throw new CakeException($"{generator} ended with {process.ExitCode}");
            }
            // A type that left the header must not stay behind.
            DeleteFiles(
                GetFiles("bindings/generated/*.cs")
                    .Where(file => System.IO.File.GetLastWriteTimeUtc(file.FullPath) < began.AddSeconds(-1))
            );
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new CakeException(
                $"{generator} not found: install ClangSharp's P/Invoke generator as a dotnet tool, or name the program "
                    + "in CLANGSHARP_PINVOKE_GENERATOR"
            );
        }
    });

Task("Surface")
    .Does(() =>
        Run("dotnet", "run", "--project", "surface/NativeCollectives.Surface.csproj", "--", root.FullPath)
    );

Task("Format")
    .Does(() =>
    {
        var sources = new[] { "native", "bench" }
            .SelectMany(folder => new[] { "h", "c", "cpp" }.SelectMany(ending => GetFiles($"{folder}/**/*.{ending}")))
            .Select(file => file.FullPath);
        Run("clang-format", (check ? new[] { "--dry-run", "-Werror" } : new[] { "-i" }).Concat(sources).ToArray());
        Run("dotnet", "csharpier", check ? "check" : "format", "bench", "samples", "src", "surface", "tests");
    });

RunTarget(target);
