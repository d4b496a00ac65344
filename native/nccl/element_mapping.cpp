#include "nccl/element_mapping.h"

#include <array>

#include "base/error.h"
#include "operation/data_type.h"
#include "operation/reduction.h"

namespace nc::nccl {
namespace {

// In the order of nc_reduce_op.
struct Operator {
    Reduction reduction;
    const char* name;
};
constexpr std::array<Operator, NC_AVERAGE + 1> operators{{{Reduction::Sum, "sum"},
                                                          {Reduction::Product, "product"},
                                                          {Reduction::Max, "maximum"},
                                                          {Reduction::Min, "minimum"},
                                                          {Reduction::Average, "average"}}};

constexpr Mapping own(Type type, std::size_t item) {
    return {type, 1, item, Reduction::Sum};
}
constexpr Mapping as_bytes(std::size_t size) {
    return {Type::Uint8, size, 1, Reduction::Sum};
}

// What NCCL moves of each type, in the order of nc_data_type.
constexpr std::array<Mapping, data_type_count> moved{{
    as_bytes(1),           // bool
    own(Type::Int8, 1),    // int8
    as_bytes(2),           // int16
    own(Type::Int32, 4),   // int32
    own(Type::Int64, 8),   // int64
    own(Type::Uint8, 1),   // uint8
    as_bytes(2),           // uint16
    own(Type::Uint32, 4),  // uint32
    own(Type::Uint64, 8),  // uint64
    own(Type::Float16, 2), // float16
    own(Type::Bfloat16, 2), own(Type::Float32, 4), own(Type::Float64, 8),
    as_bytes(8), // complex64
}};

[[noreturn]] void unsupported(nc_data_type type, nc_reduce_op op) {
    const char* name = op < operators.size() ? operators[op].name : reduce_op_name(op);
    throw Error(NC_NOT_SUPPORTED, text("NCCL has no ", name, " of ", data_type_name(type),
                                       " elements, and none of its own operations comes to the same"))
        .still_in_step();
}

} // namespace

Mapping map_moved(nc_data_type type) {
    return moved[type];
}

const char* function_name(nc_operation operation) {
    // In the order of nc_operation.
    static constexpr std::array names{"NCCL",          "ncclAllReduce", "ncclAllGather", "ncclReduceScatter",
                                      "ncclBroadcast", "ncclReduce",    "ncclGather",    "ncclScatter",
                                      "ncclAlltoAll",  "NCCL",          "ncclSend",      "ncclRecv"};
    return names[operation];
}

Mapping map_reduced(nc_data_type type, nc_reduce_op op) {
    if (op >= operators.size()) unsupported(type, op);
    Mapping mapping{};
    if (type == NC_BOOL) {
        // Sum and maximum are OR, product and minimum AND.
        if (op == NC_AVERAGE) unsupported(type, op);
        return {Type::Uint8, 1, 1, op == NC_SUM || op == NC_MAX ? Reduction::Max : Reduction::Min};
    }
    if (type == NC_COMPLEX64) {
        if (op != NC_SUM && op != NC_AVERAGE) unsupported(type, op);
        mapping = {Type::Float32, 2, 4, Reduction::Sum};
    } else {
        if (type == NC_INT16 || type == NC_UINT16) unsupported(type, op);
        mapping = map_moved(type);
    }
    mapping.reduction = operators[op].reduction;
    return mapping;
}

} // namespace nc::nccl
