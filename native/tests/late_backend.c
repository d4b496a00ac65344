/* A backend whose operations end well just when they are aborted: the moment at which a cancellation and an end meet.
 * It says "running" when an operation is under way. With NC_LATE_START it does not start; with NC_LATE_END its end gives
 * the process that exit code, less one for every start but the first. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "operation/backend.h"

typedef struct late_group {
    atomic_int aborted;
    nc_log_callback log;
    void* log_context;
} late_group;

static int starts = 0;

static nc_status start(nc_error* error) {
    if (getenv("NC_LATE_START") != NULL) {
        snprintf(error->message, sizeof error->message, "the late backend does not start");
        return NC_BACKEND_UNAVAILABLE;
    }
    ++starts;
    return NC_OK;
}

static void end(void) {
    const char* code = getenv("NC_LATE_END");
    if (code != NULL) _exit(atoi(code) - starts + 1);
}

static nc_status create(const nc_backend_options* options, nc_backend_group* made, nc_error* error) {
    (void)error;
    late_group* group = calloc(1, sizeof *group);
    if (group == NULL) return NC_OUT_OF_MEMORY;
    group->log = options->log;
    group->log_context = options->log_context;
    made->handle = group;
    made->rank = 0;
    made->size = 2;
    return NC_OK;
}

static nc_status available(const nc_setting* settings, uint64_t count, nc_error* error) {
    (void)settings;
    (void)count;
    (void)error;
    return NC_OK;
}

static void run(late_group* group) {
    const struct timespec pause = {0, 100000};
    group->log(group->log_context, NC_LOG_INFORMATION, "running");
    for (int i = 0; i < 200000 && atomic_load(&group->aborted) == 0; ++i) nanosleep(&pause, NULL);
}

static nc_status execute(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                         nc_error* error) {
    (void)request;
    (void)standing;
    (void)call;
    (void)error;
    run(handle);
    return NC_OK;
}

static nc_status execute_batch(void* handle, const nc_request* requests, uint64_t count, const nc_call* call,
                               nc_standing* standing, nc_error* error) {
    (void)count;
    return execute(handle, requests, call, standing, error);
}

/* Messages with tags can be had. */
static nc_status supports(void* handle, const nc_request* request, nc_error* error) {
    (void)handle;
    (void)request;
    (void)error;
    return NC_OK;
}

static nc_status split(void* handle, const nc_request* request, const nc_call* call, const nc_backend_options* options,
                       nc_backend_group* made, nc_standing* standing, nc_error* error) {
    (void)request;
    (void)standing;
    (void)call;
    run(handle);
    return create(options, made, error);
}

static void abort_group(void* handle) {
    atomic_store(&((late_group*)handle)->aborted, 1);
}

static void destroy(void* handle) {
    late_group* group = handle;
    group->log(group->log_context, NC_LOG_INFORMATION, "destroyed");
    free(group);
}

static const nc_backend late = {
    .version = NC_BACKEND_VERSION,
    .name = "late",
    .start = start,
    .end = end,
    .available = available,
    .create = create,
    .execute = execute,
    .execute_batch = execute_batch,
    .supports = supports,
    .split = split,
    .abort = abort_group,
    .destroy = destroy,
    .features = NC_BACKEND_TAGS,
};

__attribute__((visibility("default"))) const nc_backend* nc_backend_entry(void);
const nc_backend* nc_backend_entry(void) {
    return &late;
}
