// Side by side, and before all others, run the tests that mostly wait, the replays of recorded cases, and operations
// whose results alone are checked. Whatever measures times has the machine for itself.
[assembly: LevelOfParallelism(3)]
[assembly: NonParallelizable]
