/* One rank of a ring over the C ABI alone: abi_smoke RANK RANKS HOSTS. Reduces, prints what came out, and ends with 0
 * if that is right. Built for every platform that is shipped, against the shipped libraries. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "native_collectives.h"

enum { elements = 100000 };

static int failed(const char* what, const nc_error* error) {
    fprintf(stderr, "%s: %s: %s\n", what, nc_status_name(error->status), error->message);
    return 1;
}

int main(int argc, char** argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s RANK RANKS HOSTS\n", argv[0]);
        return 2;
    }
    const int32_t rank = (int32_t)strtol(argv[1], NULL, 10);
    const int32_t ranks = (int32_t)strtol(argv[2], NULL, 10);
    const nc_setting settings[] = {{"hosts", argv[3]}};

    nc_error error = {.size = sizeof error};
    nc_group_options options = {.size = sizeof options,
                                .rank = rank,
                                .backend = "ring",
                                .settings = settings,
                                .setting_count = 1,
                                .forming_timeout_ms = 30000,
                                .operation_timeout_ms = 30000};
    nc_group* group = NULL;
    if (nc_group_create(&options, &group, &error) != NC_OK) return failed("nc_group_create", &error);

    int wrong = nc_group_rank(group) != rank || nc_group_size(group) != ranks;
    float* values = malloc(elements * sizeof *values);
    if (values == NULL) return 1;
    for (int i = 0; i < elements; ++i) values[i] = (float)(rank + 1) * (float)(i % 1000);
    nc_request request = {.size = sizeof request,
                          .operation = NC_ALL_REDUCE,
                          .data_type = NC_FLOAT32,
                          .reduce_op = NC_SUM,
                          .count = elements,
                          .send_buffer = values,
                          .receive_buffer = values};
    if (nc_execute(group, &request, &error) != NC_OK) return failed("nc_execute", &error);
    /* Whole numbers below 2^24: exact in every order. */
    const float sum = (float)(ranks * (ranks + 1) / 2);
    for (int i = 0; i < elements; ++i) wrong |= values[i] != sum * (float)(i % 1000);

    printf("rank %" PRId32 " of %" PRId32 ", version %s: %s\n", rank, ranks, nc_version(), wrong ? "wrong" : "right");
    free(values);
    nc_group_destroy(group);
    return wrong;
}
