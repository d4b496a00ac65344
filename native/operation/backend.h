/* What a backend implements: a table of C functions that its shared library hands to the core.
 *
 * The core promises: requests are checked (sizes, peers, types, pointers, overflow, flags, tags); execute,
 * execute_batch and split of one group are never called at once; nothing is called after destroy. abort, supports and
 * rank_info may be called from any thread, also while execute runs. Every function fills error on failure. */
#pragma once

#include "base/standing.h"
#include "native_collectives.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NC_BACKEND_VERSION 6u
#define NC_BACKEND_ENTRY "nc_backend_entry"

typedef struct nc_backend_options {
    int32_t rank; /* -1: the backend finds out */
    const nc_setting* settings;
    uint64_t setting_count;
    int64_t forming_timeout_ms;
    nc_log_callback log;
    void* log_context;
    nc_side_channel side_channel;
    void* side_channel_context;
    const int32_t* cancel;
    /* Tells the core of a failure that was found while no operation was running. */
    void (*fault)(void* context, const nc_error* error);
    void* fault_context;
    /* split: where the ranks that the part's members had go, by their new ranks; room for as many as the group has;
     * may be null. */
    int32_t* parent_ranks;
} nc_backend_options;

/* The circumstances of one operation. */
typedef struct nc_call {
    int64_t deadline_ns; /* of the monotonic clock (std::chrono::steady_clock) */
    int64_t timeout_ms;  /* what the deadline was made from */
    uint64_t sequence;
    /* For NC_REQUEST_STREAM; may be null. If execute returns NC_OK, called once when the device has finished the
     * operation, or has failed to: from another thread or, as destroy leaves nothing behind, from there; never from
     * within execute, since it may issue the next operation. */
    nc_completion completed;
    void* completed_context;
} nc_call;

/* A group that a backend made, with the rank and size that the backend gives it: who is asked to join brings a rank
 * only where the backend cannot know. handle may stay null for a group of one, whose operations the core then does
 * itself, on host memory. */
typedef struct nc_backend_group {
    void* handle;
    int32_t rank; /* -1: not a member (split with a negative color) */
    int32_t size;
} nc_backend_group;

/* What a backend that works on device memory has besides. */
typedef struct nc_device_functions {
    int32_t (*of_group)(void* handle);
    nc_status (*count)(int32_t* count, nc_error* error);
    nc_status (*allocate)(int32_t device, uint64_t bytes, void** address, nc_error* error);
    nc_status (*release)(int32_t device, void* address, nc_error* error);
    nc_status (*copy)(int32_t device, void* destination, const void* source, uint64_t bytes,
                      nc_copy_direction direction, nc_error* error);
} nc_device_functions;

typedef struct nc_backend {
    uint32_t version;
    const char* name;
    /* What is to be done once in a process, before the first group, and when the process exits without a group left.
     * Either may be null. A start that fails is tried again for the next group. */
    nc_status (*start)(nc_error* error);
    void (*end)(void);
    nc_status (*available)(const nc_setting* settings, uint64_t setting_count, nc_error* error);
    /* null: it has no ids */
    nc_status (*create_id)(const nc_setting* settings, uint64_t setting_count, uint8_t* id, nc_error* error);
    nc_status (*create)(const nc_backend_options* options, nc_backend_group* group, nc_error* error);
    /* execute and split also say how the ranks stand after a failure. */
    nc_status (*execute)(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                         nc_error* error);
    /* What nc_execute_batch promises. error->index says which request failed, where that is known. */
    nc_status (*execute_batch)(void* handle, const nc_request* requests, uint64_t count, const nc_call* call,
                               nc_standing* standing, nc_error* error);
    /* As nc_group_supports, for what the core cannot know. */
    nc_status (*supports)(void* handle, const nc_request* request, nc_error* error);
    /* Fills in what it knows of a rank but for parent_rank; null: it knows nothing. */
    void (*rank_info)(void* handle, int32_t rank, nc_rank_info* info);
    nc_status (*split)(void* handle, const nc_request* request, const nc_call* call, const nc_backend_options* options,
                       nc_backend_group* group, nc_standing* standing, nc_error* error);
    /* Ends the group: what runs returns NC_ABORTED soon, and the peers get to know. */
    void (*abort)(void* handle);
    /* Frees the group. Unless it was aborted, peers still receive everything that was sent to them. Never blocks on a
     * peer. */
    void (*destroy)(void* handle);
    const nc_device_functions* device; /* null: host memory only */
    uint32_t features;                 /* of NC_BACKEND_* below */
} nc_backend;

/* Messages carry tags. */
#define NC_BACKEND_TAGS 1u

/* The type of the one function that a backend library exports, under the name NC_BACKEND_ENTRY. */
typedef const nc_backend* (*nc_backend_entry_function)(void);

#ifdef __cplusplus
}
#endif
