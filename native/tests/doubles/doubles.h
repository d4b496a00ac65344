/* What tests may ask of the doubles beside the interfaces that they play. README.md explains the doubles and the
 * grammar of the fault rules.
 *
 * The functions are found with dlsym in the library that was opened by its path: doubles/libcuda.so.1 has those named
 * nc_double_cuda_*, doubles/libnccl.so.2 those named nc_double_nccl_*. All of them may be called from any thread at any
 * time. */
#ifndef NC_TESTS_DOUBLES_H
#define NC_TESTS_DOUBLES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Is told what a caller did that the real library forbids. May be called from any thread. */
typedef void (*nc_double_violation_callback)(const char* message);

/* ---- libcuda.so.1 ---- */

/* From now on violations are told to callback, and the call that committed one returns CUDA_ERROR_INVALID_VALUE; with
 * null (the beginning) a violation is printed and ends the process. */
typedef void nc_double_cuda_on_violation_function(nc_double_violation_callback callback);
nc_double_cuda_on_violation_function nc_double_cuda_on_violation;

/* Replaces the rules of NC_DOUBLE_CUDA_FAULTS, and lets go what a rule has held for ever. Null or "" stand for no
 * rules. Returns 0, or 1 for rules that cannot be read, which change nothing. */
typedef int nc_double_cuda_faults_function(const char* rules);
nc_double_cuda_faults_function nc_double_cuda_faults;

/* How many of a kind are alive: "allocations" (device memory), "pinned" (host memory), "streams", "events", "contexts"
 * (retained primary contexts) and "retains" (retains of primary contexts that have not been released). -1 for another
 * kind. Streams and events count from their making to their destruction; a context's default stream is not counted. */
typedef int64_t nc_double_cuda_live_function(const char* kind);
nc_double_cuda_live_function nc_double_cuda_live;

/* How often a function of the driver has been called so far, failed calls included. */
typedef uint64_t nc_double_cuda_calls_function(const char* function);
nc_double_cuda_calls_function nc_double_cuda_calls;

/* The ordinal of the current context's device, or -1 without a current context. */
typedef int nc_double_cuda_current_device_function(void);
nc_double_cuda_current_device_function nc_double_cuda_current_device;

/* The stream itself, or for a null stream the default stream of the current context under a name by which every thread
 * can use it; *device is its device's ordinal. Null for what is no stream or no longer one. */
typedef void* nc_double_cuda_resolve_stream_function(void* stream, int* device);
nc_double_cuda_resolve_stream_function nc_double_cuda_resolve_stream;

/* Puts function(context) on a stream that nc_double_cuda_resolve_stream named: it runs on the stream's thread, and the
 * stream stands still until it returns. Returns 0, or 1 if there is no such stream (any more). */
typedef int nc_double_cuda_enqueue_function(void* stream, void (*function)(void* context), void* context);
nc_double_cuda_enqueue_function nc_double_cuda_enqueue;

enum nc_double_cuda_place {
    NC_DOUBLE_CUDA_DEVICE = 0,    /* all of it lies in one live device allocation */
    NC_DOUBLE_CUDA_UNKNOWN = 1,   /* no memory of the driver's */
    NC_DOUBLE_CUDA_FREED = 2,     /* an allocation that has been freed */
    NC_DOUBLE_CUDA_TOO_SHORT = 3, /* the allocation ends before the range does */
    NC_DOUBLE_CUDA_PINNED = 4     /* host memory of the driver's */
};

/* Where a range of addresses lies (an nc_double_cuda_place). For device memory, *host is where its bytes can be read
 * and written, and *device the ordinal of its device. */
typedef int nc_double_cuda_locate_function(uint64_t address, uint64_t bytes, void** host, int* device);
nc_double_cuda_locate_function nc_double_cuda_locate;

/* ---- libnccl.so.2 ---- */

/* As for libcuda; the call that committed a violation returns ncclInvalidUsage. One that is found while an operation is
 * on its stream becomes the communicator's asynchronous error. */
typedef void nc_double_nccl_on_violation_function(nc_double_violation_callback callback);
nc_double_nccl_on_violation_function nc_double_nccl_on_violation;

/* As for libcuda, with NC_DOUBLE_NCCL_FAULTS; what a rule has held for ever stays so until the communicator is
 * aborted. */
typedef int nc_double_nccl_faults_function(const char* rules);
nc_double_nccl_faults_function nc_double_nccl_faults;

/* Communicators that have been handed to a caller and neither destroyed nor aborted. */
typedef int64_t nc_double_nccl_live_communicators_function(void);
nc_double_nccl_live_communicators_function nc_double_nccl_live_communicators;

/* How often a function has been called so far, failed calls included. */
typedef uint64_t nc_double_nccl_calls_function(const char* function);
nc_double_nccl_calls_function nc_double_nccl_calls;

#ifdef __cplusplus
}
#endif

#endif
