/* NativeCollectives: the C ABI.
 *
 * The one header that C, C++ and the generated .NET bindings see. It is plain C11: fixed-width types, opaque handles,
 * and structs that start with their own size so that they may grow: a library takes those of older callers, whose
 * missing fields are zero, and of newer ones as long as what it does not know is zero.
 *
 * Rules that hold for every function:
 *  - nothing aborts, exits, prints or raises a signal; failures are an nc_status and, where the caller passes one, a
 *    filled nc_error;
 *  - every wait has a deadline;
 *  - strings passed in are UTF-8, NUL-terminated and copied when they are needed after the call;
 *  - a group may be used from several threads: its operations run one at a time, in the order in which they were
 *    issued. On a backend whose wire allows it (none yet), messages - sends, receives, and batches of nothing else -
 *    run beside the other operations and beside each other; those between two ranks with one tag keep their order.
 */
#ifndef NATIVE_COLLECTIVES_H
#define NATIVE_COLLECTIVES_H

#include <stdint.h>

#if defined(_WIN32)
#define NC_API __declspec(dllexport)
#else
#define NC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows by one with every incompatible change of this header. */
#define NC_ABI_VERSION 4

/* Bytes of nc_error.message, its terminating NUL included. */
#define NC_MESSAGE_SIZE 1024

/* What became of a call. Everything but NC_OK is a failure. */
typedef enum nc_status {
    NC_OK = 0,
    NC_INVALID_ARGUMENT = 1,    /* the caller's mistake, found before any byte moved; the group stays usable */
    NC_BACKEND_UNAVAILABLE = 2, /* the backend's library, or one that it needs, cannot be used here */
    NC_NOT_CONFIGURED = 3,      /* a setting that the backend needs is absent */
    NC_RENDEZVOUS_FAILED = 4,   /* the group could not be formed */
    NC_PEER_LOST = 5,           /* a peer died or closed its connection within an operation */
    NC_TIMEOUT = 6,             /* an operation did not complete before its deadline */
    NC_MISMATCH = 7,            /* ranks issued different operations, counts or types */
    NC_ABORTED = 8,             /* nc_group_abort */
    NC_CANCELLED = 9,           /* nc_work_cancel, or the cancellation flag of nc_group_create */
    NC_CLOSED = 10,             /* nc_group_close */
    NC_NOT_SUPPORTED = 11,      /* this backend cannot do this; the group stays usable */
    NC_OUT_OF_MEMORY = 12,
    NC_SYSTEM_ERROR = 13,   /* the operating system refused something; see nc_error.system_error */
    NC_INTERNAL_ERROR = 14, /* a defect of this library */
    /* a library that the backend uses, such as NCCL or the CUDA driver, failed; the message holds its own words */
    NC_LIBRARY_ERROR = 15,
    NC_FUNCTION_FAILED = 16 /* a function of the caller's, nc_request.combine, failed */
} nc_status;

/* Element types. Elements are stored in the byte order of the host (little-endian on every supported one). */
typedef enum nc_data_type {
    NC_BOOL = 0, /* one byte, 0 or 1 */
    NC_INT8 = 1,
    NC_INT16 = 2,
    NC_INT32 = 3,
    NC_INT64 = 4,
    NC_UINT8 = 5,
    NC_UINT16 = 6,
    NC_UINT32 = 7,
    NC_UINT64 = 8,
    NC_FLOAT16 = 9,   /* IEEE 754 binary16 */
    NC_BFLOAT16 = 10, /* the upper half of a binary32 */
    NC_FLOAT32 = 11,
    NC_FLOAT64 = 12,
    NC_COMPLEX64 = 13 /* two binary32, real part first */
} nc_data_type;

/* How a reduction combines elements.
 * Integers wrap. 16-bit floats are computed as binary32 and rounded at every combination. A bool sum or max is OR, a
 * product or min is AND. Complex numbers are ordered by real part, then imaginary part. What max and min make of a NaN:
 * docs/api.md, "NaN". */
typedef enum nc_reduce_op {
    NC_SUM = 0,
    NC_PRODUCT = 1,
    NC_MAX = 2,
    NC_MIN = 3,
    NC_AVERAGE = 4,     /* the sum divided by the group's size, without overflow: docs/api.md, "Averages"; not for bool,
                           and not for scans */
    NC_BITWISE_AND = 5, /* of integers and bool, as the two below */
    NC_BITWISE_OR = 6,
    NC_BITWISE_XOR = 7,
    NC_CUSTOM = 8 /* nc_request.combine: in the order of ranks, whether or not it commutes */
} nc_reduce_op;

typedef enum nc_operation {
    NC_OPERATION_NONE = 0,
    NC_ALL_REDUCE = 1,
    NC_ALL_GATHER = 2,
    NC_REDUCE_SCATTER = 3,
    NC_BROADCAST = 4,
    NC_REDUCE = 5,
    NC_GATHER = 6,
    NC_SCATTER = 7,
    NC_ALL_TO_ALL = 8,
    NC_BARRIER = 9,
    NC_SEND = 10,
    NC_RECEIVE = 11,
    NC_SPLIT = 12,
    NC_SCAN = 13,
    NC_EXCLUSIVE_SCAN = 14,
    NC_BATCH = 15 /* in nc_error only: the requests of nc_execute_batch or nc_enqueue_batch together */
} nc_operation;

/* The blocks of the ranks differ in length: see nc_request. Every rank must set it alike. */
#define NC_REQUEST_UNEVEN 1u

/* Both buffers lie in the memory of the group's device (see nc_group_device), and their addresses are device
 * addresses. */
#define NC_REQUEST_DEVICE 2u

/* With NC_REQUEST_DEVICE: the operation takes its place on the caller's stream, nc_request.stream. */
#define NC_REQUEST_STREAM 4u

/* A communicator: this process as one rank of a group. */
typedef struct nc_group nc_group;

/* An operation under way. */
typedef struct nc_work nc_work;

/* Where a failure is described. The caller sets size; every other field is written only when the call fails. */
typedef struct nc_error {
    uint32_t size; /* sizeof(nc_error) */
    nc_status status;
    nc_operation operation; /* the operation that failed, or NC_OPERATION_NONE */
    int32_t rank;           /* own rank, or -1 */
    int32_t peer;           /* the rank that is to blame, or -1 */
    int32_t system_error;   /* errno, or 0 */
    int32_t earlier;        /* 1: nothing was tried, because an earlier failure, described here, ended the group */
    int32_t index;          /* of the request that failed in its batch, or -1 */
    uint64_t sequence;      /* number of the operation within its group, from 1; 0 if none. Messages that run beside
                               the other operations are numbered apart */
    char message[NC_MESSAGE_SIZE]; /* one English sentence, UTF-8 */
} nc_error;

/* Combines count elements of the request's type: accumulated = accumulated op next. What has been accumulated comes
 * from lower ranks than what comes next. Returns 0, or something else if it failed, which ends the group. It is called
 * on the thread that runs the operation. */
typedef int32_t (*nc_combine)(void* context, void* accumulated, const void* next, uint64_t count);

/* One operation of a group.
 *
 * n is the group's size, r the own rank; counts are in elements of data_type. Buffers are aligned as their elements are
 * (complex64 as binary32); one of zero bytes may be null.
 *
 *  operation       peer         count                     send_buffer                receive_buffer
 *  ALL_REDUCE      -            elements                  count                      count
 *  ALL_GATHER      -            own elements              count                      n * count
 *  REDUCE_SCATTER  -            elements of own result    n * count                  count
 *  BROADCAST       root         elements                  root: count                count (root: may be null)
 *  REDUCE          root         elements                  count                      root: count
 *  GATHER          root         own elements              count                      root: n * count
 *  SCATTER         root         elements of own result    root: n * count            count
 *  ALL_TO_ALL      -            elements of each block    n * count                  n * count
 *  BARRIER         -            0                         -                          -
 *  SEND            destination  elements                  count                      -
 *  RECEIVE         source       elements                  -                          count
 *  SPLIT           -            0                         -                          -
 *  SCAN            -            elements                  count                      count
 *  EXCLUSIVE_SCAN  -            elements                  count                      count (rank 0: may be null)
 *
 * SCAN combines what ranks 0 to r contribute, EXCLUSIVE_SCAN what ranks 0 to r - 1 do; the latter leaves rank 0's
 * receive_buffer as it is.
 *
 * The two buffers must not overlap, save for the in-place forms: send_buffer == receive_buffer (ALL_REDUCE, BROADCAST,
 * REDUCE, SCAN, EXCLUSIVE_SCAN), send_buffer == own block of receive_buffer (ALL_GATHER, GATHER), receive_buffer == own
 * block of send_buffer (REDUCE_SCATTER, SCATTER).
 *
 * With NC_REQUEST_UNEVEN, which ALL_GATHER, REDUCE_SCATTER, GATHER, SCATTER and ALL_TO_ALL accept, blocks lie one
 * behind the other in rank order and have lengths of their own: n entries of receive_counts (ALL_GATHER; GATHER at the
 * root; ALL_TO_ALL) or of send_counts (REDUCE_SCATTER; SCATTER at the root; ALL_TO_ALL). count is then the own block's
 * length (ALL_TO_ALL ignores it).
 *
 * SPLIT: ranks of equal color form a new group, ordered by key, then by old rank; a negative key stands for the old
 * rank. A negative color takes part without joining a group. *new_group is set to null when the operation is issued,
 * and to the group before it completes; it stays null for a negative color.
 *
 * DEVICE MEMORY: with NC_REQUEST_DEVICE the operation begins after everything that was put on the device's default
 * stream before, and has ended on the device when it has ended here. With NC_REQUEST_STREAM as well it takes its place
 * on the caller's stream: nc_execute and nc_enqueue return as soon as it is on the stream (nc_enqueue too waits for
 * that, and for the operations issued before), and an enqueued operation ends when the device has finished it. A
 * failure after nc_execute has returned ends the group. The buffers must stay valid until the stream has passed the
 * operation. timeout_ms counts from the call here too. Count arrays always lie in host memory, and may go when the call
 * that put the operation on a stream has returned. BARRIER and SPLIT take neither flag. What the device's library
 * cannot do is NC_NOT_SUPPORTED. */
typedef struct nc_request {
    uint32_t size; /* sizeof(nc_request); that of version 3 ended before tag */
    nc_operation operation;
    nc_data_type data_type;
    nc_reduce_op reduce_op; /* ALL_REDUCE, REDUCE_SCATTER, REDUCE and the scans only */
    int32_t peer;
    uint32_t flags;     /* of NC_REQUEST_* */
    int64_t timeout_ms; /* from the moment of the call; 0: the group's operation_timeout_ms */
    uint64_t count;
    const void* send_buffer;
    void* receive_buffer;
    const uint64_t* send_counts;
    const uint64_t* receive_counts;
    int32_t color;
    int32_t key;
    nc_group** new_group;
    void* stream; /* with NC_REQUEST_STREAM: CUDA's CUstream or cudaStream_t; null is the default stream */
    /* from version 4 on: */
    int64_t tag;        /* SEND, RECEIVE: the same on both sides; NC_NOT_SUPPORTED unless 0 where a wire has no tags */
    nc_combine combine; /* with NC_CUSTOM */
    void* combine_context;
} nc_request;

/* A backend's setting, by name. docs/ lists the names of each backend; an unknown one is an error.
 * every backend: "backend_directory" (the folder that holds its library; this library's, if it is not given).
 * ring: "hosts" (the hostfile's JSON text) or "hostfile" (its path).
 * nccl: "size" (ranks) and, unless that is 1, one of "id" (NCCL's unique id, as 256 hexadecimal digits), "rendezvous"
 * (host:port where rank 0 hands out the id, as MLX does) and "comm_id" ("environment": NCCL_COMM_ID is set); may have
 * "device" (ordinal) or "local_rank", "staging_bytes", "nccl_library", "cuda_library".
 * jaccl: "devices" (the device matrix's JSON text) or "device_file" (its path), and "coordinator" (host:port where rank
 * 0 listens) unless there is a side channel; may have "prefer_ring" ("true" or "false"), "frames" ("large" or "small"),
 * "queue_pairs" ("uc" or "rc"), "gid_index" (0 to 255), "mlx_ring_all_gather" ("true": no rank runs an MLX whose ring
 * all-gather is broken), "verbs_library". */
typedef struct nc_setting {
    const char* name;
    const char* value;
} nc_setting;

typedef enum nc_log_level {
    NC_LOG_DEBUG = 0,
    NC_LOG_INFORMATION = 1,
    NC_LOG_WARNING = 2,
    NC_LOG_ERROR = 3
} nc_log_level;

/* Receives progress messages, from any thread, until nc_group_destroy (or a failed nc_group_create) returns for the
 * group and for all that were split from it. Must not call into the group. */
typedef void (*nc_log_callback)(void* context, nc_log_level level, const char* message);

/* An all-gather of a few bytes among the processes that are forming a group, in place of connections of ours: every
 * rank calls it with the same number of bytes, and each gets the bytes of all, in rank order, in all. It is called on
 * the thread of nc_group_create, and must not take longer than timeout_ms. Returns NC_OK, or fills error. */
typedef nc_status (*nc_side_channel)(void* context, int32_t rank, int32_t ranks, const void* own, uint64_t bytes,
                                     void* all, int64_t timeout_ms, nc_error* error);

typedef struct nc_group_options {
    uint32_t size;              /* sizeof(nc_group_options) */
    int32_t rank;               /* own rank; ignored without a backend */
    const char* backend;        /* its name, such as "ring"; null: a group of one, which needs none */
    const nc_setting* settings; /* setting_count entries for the backend */
    uint64_t setting_count;
    int64_t forming_timeout_ms;   /* 0: 60 000 */
    int64_t operation_timeout_ms; /* 0: 300 000; default for nc_request.timeout_ms */
    nc_log_callback log;          /* may be null */
    void* log_context;
    nc_side_channel side_channel; /* jaccl only; may be null */
    void* side_channel_context;
    /* may be null; once names are resolved, forming ends with NC_CANCELLED soon after another thread makes it
     * nonzero */
    const int32_t* cancel;
} nc_group_options;

/* Called once when an enqueued operation has ended, from a thread of the library or, if it is cancelled before it
 * starts, from within nc_work_cancel; error is null on success and otherwise valid only during the call. The
 * operation's buffers are no longer in use. May enqueue further operations; must not block on the group. */
typedef void (*nc_completion)(void* context, const nc_error* error);

/* The library's version, such as "0.1.0". Static storage. */
NC_API const char* nc_version(void);

/* The NC_ABI_VERSION that the library was built with. */
NC_API uint32_t nc_abi_version(void);

/* Bytes of one element, or 0 for an unknown type. */
NC_API uint64_t nc_data_type_size(nc_data_type type);

/* A status's name, such as "peer lost". Static storage. */
NC_API const char* nc_status_name(nc_status status);

/* NC_OK if the backend of that name can be used on this machine; otherwise error says what is missing and where it was
 * looked for. settings: those that name libraries and folders count; null if setting_count is 0. */
NC_API nc_status nc_backend_available(const char* backend, const nc_setting* settings, uint64_t setting_count,
                                      nc_error* error);

/* Bytes of an id. */
#define NC_ID_SIZE 128

/* Writes NC_ID_SIZE bytes to id: what the ranks of one group can be given as a setting; nccl only (ncclGetUniqueId,
 * which the process of rank 0 must call). Settings as above. */
NC_API nc_status nc_backend_create_id(const char* backend, const nc_setting* settings, uint64_t setting_count,
                                      uint8_t* id, nc_error* error);

/* Joins a group; blocks until every neighbour has joined, or fails. The caller owns *group. */
NC_API nc_status nc_group_create(const nc_group_options* options, nc_group** group, nc_error* error);

NC_API int32_t nc_group_rank(const nc_group* group);
NC_API int32_t nc_group_size(const nc_group* group);

/* The backend's name; "self" for a group of one without a backend. Lives as long as the group. */
NC_API const char* nc_group_backend(const nc_group* group);

/* The ordinal of the device that the group works on; -1 if it works on host memory only. */
NC_API int32_t nc_group_device(const nc_group* group);

/* NC_OK while the group is usable, otherwise the failure that ended it. */
NC_API nc_status nc_group_status(const nc_group* group, nc_error* error);

/* NC_OK if the group's backend can carry out the request here, as far as its operation, peer, type, operator, flags and
 * tag go; NC_NOT_SUPPORTED if it cannot, and why in error. Buffers and counts are not looked at. */
NC_API nc_status nc_group_supports(const nc_group* group, const nc_request* request, nc_error* error);

/* What is known of a rank. The caller sets size. */
typedef struct nc_rank_info {
    uint32_t size;       /* sizeof(nc_rank_info) */
    int32_t parent_rank; /* its rank in the group that this one was split from, or -1 */
    int32_t local_rank;  /* its place among the ranks of its host, or -1 if that is not known */
    int32_t local_size;  /* how many ranks its host has, or -1 */
    char host_name[256]; /* as the group knows it: a name or an address; empty if it is not known */
} nc_rank_info;

NC_API nc_status nc_group_rank_info(const nc_group* group, int32_t rank, nc_rank_info* info, nc_error* error);

/* Called once with the failure that ended a group, from any thread, or from within nc_group_on_fault if it had ended
 * before; error is valid only during the call. Must not call into the group. */
typedef void (*nc_fault_callback)(void* context, const nc_error* error);

/* Names who is told when the group ends by a failure or nc_group_abort; not by nc_group_close. Once for a group; nobody
 * is told any more when nc_group_destroy has returned. */
NC_API nc_status nc_group_on_fault(nc_group* group, nc_fault_callback callback, void* context, nc_error* error);

/* Makes every pending and later call of the group fail with NC_ABORTED and lets the peers know. From any thread, at any
 * time. reason may be null. */
NC_API void nc_group_abort(nc_group* group, const char* reason);

/* Leaves the group: pending and later calls fail with NC_CLOSED. If nothing was pending, peers still receive everything
 * that was sent to them. Never blocks on a peer. */
NC_API void nc_group_close(nc_group* group);

/* Closes the group and frees it, together with its threads and descriptors. No other call on it may be running or
 * follow. Never blocks on a peer. Null is ignored. */
NC_API void nc_group_destroy(nc_group* group);

/* Runs an operation and returns when it has ended on this rank. */
NC_API nc_status nc_execute(nc_group* group, const nc_request* request, nc_error* error);

/* Issues an operation and returns at once. Buffers and count arrays must stay valid until it has ended. completion may
 * be null; work may be null if completion is not. On failure nothing was issued and completion is not called. The
 * caller owns *work. */
NC_API nc_status nc_enqueue(nc_group* group, const nc_request* request, nc_completion completion, void* context,
                            nc_work** work, nc_error* error);

/* Runs several operations as one and returns when all have ended on this rank. Their sends and receives go on at the
 * same time, so that ranks that all send before they receive cannot wait for each other; then come the collective
 * operations, in their order, or beside them where messages run beside the other operations. Every rank must issue the
 * same collective operations in the same batch; the other end of a message may be in a batch or by itself. Buffers that
 * are written must not be used by another request of the batch. All requests have host buffers, or all have
 * NC_REQUEST_DEVICE with the same NC_REQUEST_STREAM and stream. BARRIER and SPLIT are not taken. The longest timeout_ms
 * counts for all. A failure names the request in nc_error.index. */
NC_API nc_status nc_execute_batch(nc_group* group, const nc_request* const* requests, uint64_t count, nc_error* error);

/* Issues them as nc_enqueue does one. The array and the requests may go when this has returned. */
NC_API nc_status nc_enqueue_batch(nc_group* group, const nc_request* const* requests, uint64_t count,
                                  nc_completion completion, void* context, nc_work** work, nc_error* error);

/* Waits until the operation has ended, at most timeout_ms; returns its outcome, or NC_TIMEOUT with error->operation ==
 * NC_OPERATION_NONE if it is still under way. */
NC_API nc_status nc_work_wait(nc_work* work, int64_t timeout_ms, nc_error* error);

/* Sets *completed to 0 or 1; if 1, returns the outcome. */
NC_API nc_status nc_work_test(nc_work* work, int32_t* completed, nc_error* error);

/* Ends the operation with NC_CANCELLED. One that has not started is taken out of the order; one that is running ends
 * the group, as peers can no longer be kept in step. Messages that run beside the other operations, also those of a
 * batch, start when they are issued. Nothing happens if it has ended: an operation that ended well has
 * not ended the group. */
NC_API void nc_work_cancel(nc_work* work);

/* Gives the handle back; the operation itself goes on. Null is ignored. */
NC_API void nc_work_release(nc_work* work);

/* Which way nc_device_copy copies. */
typedef enum nc_copy_direction {
    NC_HOST_TO_DEVICE = 0,
    NC_DEVICE_TO_HOST = 1,
    NC_DEVICE_TO_DEVICE = 2
} nc_copy_direction;

/* The devices of a backend that works on device memory, such as "nccl". NC_NOT_SUPPORTED for others. */
NC_API nc_status nc_device_count(const char* backend, int32_t* count, nc_error* error);

/* Device memory: at least bytes, aligned to 256; for 0 bytes *address is null. */
NC_API nc_status nc_device_allocate(const char* backend, int32_t device, uint64_t bytes, void** address,
                                    nc_error* error);

/* Returns at once; the memory is given back once the device has done everything that was put on it before. Null is
 * ignored. */
NC_API nc_status nc_device_free(const char* backend, int32_t device, void* address, nc_error* error);

/* Copies after everything that was put on the device's default stream before; has ended when it returns. */
NC_API nc_status nc_device_copy(const char* backend, int32_t device, void* destination, const void* source,
                                uint64_t bytes, nc_copy_direction direction, nc_error* error);

#ifdef __cplusplus
}
#endif

#endif
