/* What a backend implements: a table of C functions that its shared library hands to the core.
 *
 * The core promises: requests are checked (sizes, peers, types, pointers, overflow, flags, tags); execute,
 * execute_batch and split of one group are never called at once, save for messages with NC_BACKEND_CONCURRENT_MESSAGES;
 * nothing is called after destroy. abort, supports and rank_info may be called from any thread, also while execute
 * runs, and also while the core holds a lock: they call nothing of the core. Every function fills error on failure. */
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
    /* For NC_REQUEST_STREAM, and for messages with NC_BACKEND_CONCURRENT_MESSAGES; may be null. If execute returns
     * NC_OK, called once when the operation has ended, well or not: from another thread or, as destroy leaves nothing
     * behind, from there; never from within execute, since it may issue the next operation, and never with a lock held
     * that a function of this table takes. It may also destroy the group. */
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

/* Messages run beside the collective operations and beside each other. A message is NC_SEND, NC_RECEIVE, or a batch of
 * nothing else; with NC_REQUEST_STREAM it is treated as a collective operation. Without this flag all operations run
 * one at a time, in the order in which they were issued.
 *
 * Threads: execute and execute_batch may be called for messages from any thread at any time, by several threads at
 * once, and while a collective operation or split runs. Those two stay one at a time.
 *
 * Completion: without nc_call.completed the call returns when the message has ended. Many threads may wait like that.
 * With it the backend takes the message, returns at once without waiting for a peer, and reports the end by completed
 * from a thread of its own; a program may have thousands under way. The requests are valid only during the call, the
 * buffers until the end. If the call fails, the message was not taken and completed is not called. What is reported
 * with an error counts as NC_OUT_OF_STEP.
 *
 * Order: messages between two ranks with the same tag, in one direction, keep the order in which their calls began,
 * whatever their form; within a batch, the order of its requests. Of two calls that overlap, either may be first. There
 * is no other order: a message that waits holds up no other one, and no collective operation.
 *
 * Batches: execute_batch gets either messages or collective operations, never both. The core hands over the messages of
 * a mixed batch at once and its collective operations in their turn. With completed, a batch may be empty.
 *
 * Numbers: messages are numbered apart from the other operations, as ranks issue different ones. The numbers of
 * collective operations therefore agree on all ranks. Those of messages name them in errors and are no order.
 *
 * Deadlines: the backend keeps each message's own, and ends a late one with NC_TIMEOUT. The core then ends the group
 * without abort, so that what else is under way may still end well here and there, or is late itself.
 *
 * The end: abort ends every message under way soon, with NC_ABORTED; the core knows the cause. A backend that ends
 * messages of its own accord, as a peer was lost, gives the cause to each, or first to the core (fault). destroy ends
 * those that are left as abort does. It returns when no call of completed is running any more, but for one that has
 * called destroy itself. */
#define NC_BACKEND_CONCURRENT_MESSAGES 2u

/* The type of the one function that a backend library exports, under the name NC_BACKEND_ENTRY. */
typedef const nc_backend* (*nc_backend_entry_function)(void);

#ifdef __cplusplus
}
#endif
