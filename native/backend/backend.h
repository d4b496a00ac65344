/* What a backend implements: a table of C functions that its shared library hands to the core.
 *
 * The core promises: requests are checked (sizes, peers, types, pointers, overflow); execute and split of one group are never called at once; the group's size is at
 * least 2; create, execute and split fill error on failure; nothing is called after destroy. abort may be called from any thread, also while execute runs. */
#pragma once

#include "native_collectives.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NC_BACKEND_VERSION 1u
#define NC_BACKEND_ENTRY "nc_backend_entry"

typedef struct nc_backend_options {
    int32_t rank;
    const nc_setting* settings;
    uint64_t setting_count;
    int64_t forming_timeout_ms;
    nc_log_callback log;
    void* log_context;
    const int32_t* cancel;
    /* Tells the core of a failure that was found while no operation was running. */
    void (*fault)(void* context, const nc_error* error);
    void* fault_context;
} nc_backend_options;

/* The circumstances of one operation. */
typedef struct nc_call {
    int64_t deadline_ns; /* of the monotonic clock (std::chrono::steady_clock) */
    int64_t timeout_ms;  /* what the deadline was made from */
    uint64_t sequence;
} nc_call;

/* A group that a backend made. handle stays null for a group of one, which needs no backend. */
typedef struct nc_backend_group {
    void* handle;
    int32_t rank; /* -1: not a member (split with a negative color) */
    int32_t size;
} nc_backend_group;

typedef struct nc_backend {
    uint32_t version;
    const char* name;
    nc_status (*available)(nc_error* error);
    nc_status (*create)(const nc_backend_options* options, nc_backend_group* group, nc_error* error);
    nc_status (*execute)(void* handle, const nc_request* request, const nc_call* call, nc_error* error);
    nc_status (*split)(void* handle, const nc_request* request, const nc_call* call, const nc_backend_options* options, nc_backend_group* group,
                       nc_error* error);
    /* Ends the group: what runs returns NC_ABORTED soon, and the peers get to know. */
    void (*abort)(void* handle);
    /* Frees the group. Unless it was aborted, peers still receive everything that was sent to them. Never blocks on a peer. */
    void (*destroy)(void* handle);
} nc_backend;

/* The type of the one function that a backend library exports, under the name NC_BACKEND_ENTRY. */
typedef const nc_backend* (*nc_backend_entry_function)(void);

#ifdef __cplusplus
}
#endif
