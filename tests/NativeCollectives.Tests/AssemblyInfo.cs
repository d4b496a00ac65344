// Only the replays of recorded cases run side by side; everything else has the machine for itself.
[assembly: LevelOfParallelism(3)]
[assembly: NonParallelizable]
