/* Prints, as JSON, what a C compiler makes of native_collectives.h: every struct with its fields, every enum with its
 * values, every constant. BindingsTests compares it with the bindings, and its lists with the header's text: whatever
 * the header gains must be added here. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "native_collectives.h"

typedef struct field {
    const char* name;
    size_t offset;
    size_t size;
} field;

typedef struct value {
    const char* name;
    int64_t value;
} value;

#define FIELD(type, name) \
    { #name, offsetof(type, name), sizeof(((type*)0)->name) }
#define VALUE(name) \
    { #name, (int64_t)(name) }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const field nc_error_fields[] = {
    FIELD(nc_error, size),     FIELD(nc_error, status),       FIELD(nc_error, operation), FIELD(nc_error, rank),
    FIELD(nc_error, peer),     FIELD(nc_error, system_error), FIELD(nc_error, earlier),   FIELD(nc_error, index),
    FIELD(nc_error, sequence), FIELD(nc_error, message),
};

static const field nc_request_fields[] = {
    FIELD(nc_request, size),
    FIELD(nc_request, operation),
    FIELD(nc_request, data_type),
    FIELD(nc_request, reduce_op),
    FIELD(nc_request, peer),
    FIELD(nc_request, flags),
    FIELD(nc_request, timeout_ms),
    FIELD(nc_request, count),
    FIELD(nc_request, send_buffer),
    FIELD(nc_request, receive_buffer),
    FIELD(nc_request, send_counts),
    FIELD(nc_request, receive_counts),
    FIELD(nc_request, color),
    FIELD(nc_request, key),
    FIELD(nc_request, new_group),
    FIELD(nc_request, stream),
    FIELD(nc_request, tag),
    FIELD(nc_request, combine),
    FIELD(nc_request, combine_context),
};

static const field nc_setting_fields[] = {
    FIELD(nc_setting, name),
    FIELD(nc_setting, value),
};

static const field nc_group_options_fields[] = {
    FIELD(nc_group_options, size),
    FIELD(nc_group_options, rank),
    FIELD(nc_group_options, backend),
    FIELD(nc_group_options, settings),
    FIELD(nc_group_options, setting_count),
    FIELD(nc_group_options, forming_timeout_ms),
    FIELD(nc_group_options, operation_timeout_ms),
    FIELD(nc_group_options, log),
    FIELD(nc_group_options, log_context),
    FIELD(nc_group_options, side_channel),
    FIELD(nc_group_options, side_channel_context),
    FIELD(nc_group_options, cancel),
};

static const field nc_rank_info_fields[] = {
    FIELD(nc_rank_info, size),       FIELD(nc_rank_info, parent_rank), FIELD(nc_rank_info, local_rank),
    FIELD(nc_rank_info, local_size), FIELD(nc_rank_info, host_name),
};

static const value nc_status_values[] = {
    VALUE(NC_OK),
    VALUE(NC_INVALID_ARGUMENT),
    VALUE(NC_BACKEND_UNAVAILABLE),
    VALUE(NC_NOT_CONFIGURED),
    VALUE(NC_RENDEZVOUS_FAILED),
    VALUE(NC_PEER_LOST),
    VALUE(NC_TIMEOUT),
    VALUE(NC_MISMATCH),
    VALUE(NC_ABORTED),
    VALUE(NC_CANCELLED),
    VALUE(NC_CLOSED),
    VALUE(NC_NOT_SUPPORTED),
    VALUE(NC_OUT_OF_MEMORY),
    VALUE(NC_SYSTEM_ERROR),
    VALUE(NC_INTERNAL_ERROR),
    VALUE(NC_LIBRARY_ERROR),
    VALUE(NC_FUNCTION_FAILED),
};

static const value nc_data_type_values[] = {
    VALUE(NC_BOOL),     VALUE(NC_INT8),    VALUE(NC_INT16),   VALUE(NC_INT32),     VALUE(NC_INT64),
    VALUE(NC_UINT8),    VALUE(NC_UINT16),  VALUE(NC_UINT32),  VALUE(NC_UINT64),    VALUE(NC_FLOAT16),
    VALUE(NC_BFLOAT16), VALUE(NC_FLOAT32), VALUE(NC_FLOAT64), VALUE(NC_COMPLEX64),
};

static const value nc_reduce_op_values[] = {
    VALUE(NC_SUM),         VALUE(NC_PRODUCT),    VALUE(NC_MAX),         VALUE(NC_MIN),    VALUE(NC_AVERAGE),
    VALUE(NC_BITWISE_AND), VALUE(NC_BITWISE_OR), VALUE(NC_BITWISE_XOR), VALUE(NC_CUSTOM),
};

static const value nc_operation_values[] = {
    VALUE(NC_OPERATION_NONE), VALUE(NC_ALL_REDUCE), VALUE(NC_ALL_GATHER),     VALUE(NC_REDUCE_SCATTER),
    VALUE(NC_BROADCAST),      VALUE(NC_REDUCE),     VALUE(NC_GATHER),         VALUE(NC_SCATTER),
    VALUE(NC_ALL_TO_ALL),     VALUE(NC_BARRIER),    VALUE(NC_SEND),           VALUE(NC_RECEIVE),
    VALUE(NC_SPLIT),          VALUE(NC_SCAN),       VALUE(NC_EXCLUSIVE_SCAN), VALUE(NC_BATCH),
};

static const value nc_log_level_values[] = {
    VALUE(NC_LOG_DEBUG),
    VALUE(NC_LOG_INFORMATION),
    VALUE(NC_LOG_WARNING),
    VALUE(NC_LOG_ERROR),
};

static const value nc_copy_direction_values[] = {
    VALUE(NC_HOST_TO_DEVICE),
    VALUE(NC_DEVICE_TO_HOST),
    VALUE(NC_DEVICE_TO_DEVICE),
};

static const value constants[] = {
    VALUE(NC_ABI_VERSION),    VALUE(NC_MESSAGE_SIZE),   VALUE(NC_REQUEST_UNEVEN),
    VALUE(NC_REQUEST_DEVICE), VALUE(NC_REQUEST_STREAM), VALUE(NC_ID_SIZE),
};

static const char* separator = "";

static void print_struct(const char* name, size_t size, const field* fields, size_t count) {
    printf("%s\n    \"%s\": { \"size\": %zu, \"fields\": {", separator, name, size);
    for (size_t i = 0; i < count; i++) {
        printf("%s\n      \"%s\": { \"offset\": %zu, \"size\": %zu }", i == 0 ? "" : ",", fields[i].name,
               fields[i].offset, fields[i].size);
    }
    printf("\n    } }");
    separator = ",";
}

static void print_values(const value* values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("%s\n      \"%s\": %" PRId64, i == 0 ? "" : ",", values[i].name, values[i].value);
    }
}

static void print_enum(const char* name, size_t size, const value* values, size_t count) {
    printf("%s\n    \"%s\": { \"size\": %zu, \"values\": {", separator, name, size);
    print_values(values, count);
    printf("\n    } }");
    separator = ",";
}

#define STRUCT(type) print_struct(#type, sizeof(type), type##_fields, COUNT(type##_fields))
#define ENUM(type) print_enum(#type, sizeof(type), type##_values, COUNT(type##_values))

int main(void) {
    printf("{\n  \"structs\": {");
    STRUCT(nc_error);
    STRUCT(nc_request);
    STRUCT(nc_setting);
    STRUCT(nc_group_options);
    STRUCT(nc_rank_info);
    printf("\n  },\n  \"enums\": {");
    separator = "";
    ENUM(nc_status);
    ENUM(nc_data_type);
    ENUM(nc_reduce_op);
    ENUM(nc_operation);
    ENUM(nc_log_level);
    ENUM(nc_copy_direction);
    printf("\n  },\n  \"constants\": {");
    print_values(constants, COUNT(constants));
    printf("\n  }\n}\n");
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}
