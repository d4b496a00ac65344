#include "doubles/nccl/data_type.h"

#include "base/error.h"
#include "doubles/common/violation.h"
#include "operation/data_type.h"

namespace nc::doubles {

nc_data_type element_type(ncclDataType_t type) {
    switch (type) {
        case ncclInt8:
            return NC_INT8;
        case ncclUint8:
            return NC_UINT8;
        case ncclInt32:
            return NC_INT32;
        case ncclUint32:
            return NC_UINT32;
        case ncclInt64:
            return NC_INT64;
        case ncclUint64:
            return NC_UINT64;
        case ncclFloat16:
            return NC_FLOAT16;
        case ncclFloat32:
            return NC_FLOAT32;
        case ncclFloat64:
            return NC_FLOAT64;
        case ncclBfloat16:
            return NC_BFLOAT16;
        default:
            throw Violation(text(type, " is no element type"));
    }
}

nc_reduce_op reduce_op(ncclRedOp_t op) {
    switch (op) {
        case ncclSum:
            return NC_SUM;
        case ncclProd:
            return NC_PRODUCT;
        case ncclMax:
            return NC_MAX;
        case ncclMin:
            return NC_MIN;
        case ncclAvg:
            return NC_AVERAGE;
        default:
            throw Violation(text(op, " is no operator"));
    }
}

std::size_t element_size(ncclDataType_t type) {
    return data_type_size(element_type(type));
}

const char* element_name(ncclDataType_t type) {
    return data_type_name(element_type(type));
}

} // namespace nc::doubles
