#include "nccl/element_mapping.h"

#include "base/error.h"
#include "operation/data_type.h"

namespace nc::nccl {
namespace {

Mapping own(Type type, std::size_t item) {
    return {type, 1, item, Reduction::Sum};
}

const char* name_of(nc_reduce_op op) {
    switch (op) {
        case NC_SUM:
            return "sum";
        case NC_PRODUCT:
            return "product";
        case NC_MAX:
            return "maximum";
        case NC_MIN:
            return "minimum";
        case NC_AVERAGE:
            return "average";
    }
    return "reduction";
}

[[noreturn]] void unsupported(nc_data_type type, nc_reduce_op op) {
    throw Error(NC_NOT_SUPPORTED, text("NCCL has no ", name_of(op), " of ", data_type_name(type),
                                       " elements, and none of its own operations comes to the same"))
        .still_in_step();
}

Reduction reduction_of(nc_reduce_op op) {
    switch (op) {
        case NC_SUM:
            return Reduction::Sum;
        case NC_PRODUCT:
            return Reduction::Product;
        case NC_MAX:
            return Reduction::Max;
        case NC_MIN:
            return Reduction::Min;
        case NC_AVERAGE:
            return Reduction::Average;
    }
    return Reduction::Sum;
}

} // namespace

Mapping map_moved(nc_data_type type) {
    switch (type) {
        case NC_INT8:
            return own(Type::Int8, 1);
        case NC_UINT8:
            return own(Type::Uint8, 1);
        case NC_INT32:
            return own(Type::Int32, 4);
        case NC_UINT32:
            return own(Type::Uint32, 4);
        case NC_INT64:
            return own(Type::Int64, 8);
        case NC_UINT64:
            return own(Type::Uint64, 8);
        case NC_FLOAT16:
            return own(Type::Float16, 2);
        case NC_BFLOAT16:
            return own(Type::Bfloat16, 2);
        case NC_FLOAT32:
            return own(Type::Float32, 4);
        case NC_FLOAT64:
            return own(Type::Float64, 8);
        case NC_BOOL:
        case NC_INT16:
        case NC_UINT16:
        case NC_COMPLEX64:
            break;
    }
    return {Type::Uint8, data_type_size(type), 1, Reduction::Sum};
}

Mapping map_reduced(nc_data_type type, nc_reduce_op op) {
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
    mapping.reduction = reduction_of(op);
    return mapping;
}

} // namespace nc::nccl
