// The peer of the benchmark: MPI_Allreduce of floats, measured exactly as the ranks of NativeCollectives.Bench measure
// theirs (RankMeasurer.cs); the two change together.
//
//   open_mpi_all_reduce OUTPUT IN_PLACE ITERATIONS SECONDS WARM_UP_SECONDS MIN_ITERATIONS MAX_ITERATIONS COUNT...
//
// ITERATIONS 0: as many as take about SECONDS. Rank 0 writes one line per COUNT to OUTPUT:
//   count iterations cpu_us errors time_ns...
// cpu_us is the processor time of all ranks and all iterations, a time is the ranks' mean for one operation, and errors
// counts wrong elements on all ranks.

#include <math.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PERIOD = 1021, ALIGNMENT = 4096 };

static int rank;
static int size;
static bool in_place;
static float* input;
static float* output;

// MPI's default error handler ends all ranks when a call fails; this is for the rest.
static void fail(const char* what) {
    fprintf(stderr, "rank %d: %s\n", rank, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
    exit(1);
}

static void* allocate(size_t bytes) {
    void* memory = NULL;
    if (posix_memalign(&memory, ALIGNMENT, bytes) != 0) {
        fail("out of memory");
    }
    memset(memory, 0, bytes); // has its pages from now on
    return memory;
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void run(int count) {
    MPI_Allreduce(in_place ? MPI_IN_PLACE : input, output, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

// Small integers, so that sums are exact in any order.
static void fill(float* buffer, int count) {
    for (int i = 0; i < count; i++) {
        buffer[i] = (float)(rank + 1 + i % PERIOD);
    }
}

// One operation on fresh input into a spoilt output. Returns the number of wrong elements.
static int64_t check(int count) {
    if (in_place) {
        fill(output, count);
    } else {
        fill(input, count);
        for (int i = 0; i < count; i++) {
            output[i] = NAN;
        }
    }
    run(count);
    int64_t errors = 0;
    for (int i = 0; i < count; i++) {
        const float expected = (float)(size * (size + 1) / 2 + size * (i % PERIOD));
        errors += !(output[i] == expected);
    }
    return errors;
}

static int64_t clamp(double value, int64_t least, int64_t most) {
    return value < (double)least ? least : value > (double)most ? most : (int64_t)value;
}

// Runs operations until they have taken long enough; returns how many are to be measured.
static int64_t warm_up(int count, int64_t iterations, double seconds, double warm_up_seconds, int64_t least,
                       int64_t most) {
    if (iterations > 0) {
        for (int64_t i = 0; i < (iterations + 9) / 10; i++) {
            run(count);
        }
        return iterations;
    }
    for (int64_t batch = 1;; batch *= 2) {
        MPI_Barrier(MPI_COMM_WORLD);
        const int64_t start = now_ns();
        for (int64_t i = 0; i < batch; i++) {
            run(count);
        }
        const double elapsed = (double)(now_ns() - start) * 1e-9;
        // What rank 0 says: go on (0), or how many.
        int64_t decision = elapsed < warm_up_seconds ? 0 : clamp(seconds / elapsed * (double)batch, least, most);
        MPI_Bcast(&decision, 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
        if (decision > 0) {
            return decision;
        }
    }
}

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (argc < 9) {
        fail(
            "usage: open_mpi_all_reduce OUTPUT IN_PLACE ITERATIONS SECONDS WARM_UP_SECONDS MIN_ITERATIONS "
            "MAX_ITERATIONS COUNT...");
    }
    in_place = strcmp(argv[2], "1") == 0;
    const int64_t fixed = strtoll(argv[3], NULL, 10);
    const double seconds = strtod(argv[4], NULL);
    const double warm_up_seconds = strtod(argv[5], NULL);
    const int64_t least = strtoll(argv[6], NULL, 10);
    const int64_t most = strtoll(argv[7], NULL, 10);

    int largest = 0;
    for (int i = 8; i < argc; i++) {
        const int count = atoi(argv[i]);
        largest = count > largest ? count : largest;
    }
    output = allocate((size_t)largest * sizeof(float));
    input = in_place ? NULL : allocate((size_t)largest * sizeof(float));
    const int64_t longest = fixed > most ? fixed : most;
    int64_t* stamps = allocate((size_t)(longest + 1) * sizeof(int64_t));
    double* times = allocate((size_t)longest * sizeof(double));

    FILE* file = NULL;
    if (rank == 0) {
        file = fopen(argv[1], "w");
        if (file == NULL) {
            fail("the output file cannot be written");
        }
    }

    for (int k = 8; k < argc; k++) {
        const int count = atoi(argv[k]);
        int64_t errors = check(count);
        if (in_place) {
            memset(output, 0, (size_t)count * sizeof(float)); // sums of zeros stay zeros
        }
        const int iterations = (int)warm_up(count, fixed, seconds, warm_up_seconds, least, most);

        MPI_Barrier(MPI_COMM_WORLD);
        const double cpu_before = cpu_us();
        stamps[0] = now_ns();
        for (int i = 0; i < iterations; i++) {
            run(count);
            stamps[i + 1] = now_ns();
        }
        double cpu = cpu_us() - cpu_before;

        errors += check(count);
        for (int i = 0; i < iterations; i++) {
            times[i] = (double)(stamps[i + 1] - stamps[i]);
        }
        MPI_Allreduce(MPI_IN_PLACE, times, iterations, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        MPI_Allreduce(MPI_IN_PLACE, &cpu, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        MPI_Allreduce(MPI_IN_PLACE, &errors, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
        if (file != NULL) {
            fprintf(file, "%d %d %.0f %lld", count, iterations, cpu, (long long)errors);
            for (int i = 0; i < iterations; i++) {
                fprintf(file, " %.0f", times[i] / size);
            }
            fputc('\n', file);
        }
    }

    if (file != NULL && fclose(file) != 0) {
        fail("the output file cannot be written");
    }
    MPI_Finalize();
    return 0;
}
