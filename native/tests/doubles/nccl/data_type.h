// NCCL's element types and operators in terms of the backends'.
#pragma once

#include <cstddef>

#include "doubles/nccl/nccl_api.h"
#include "native_collectives.h"

namespace nc::doubles {

// Throw Violation for a number that stands for none.
nc_data_type element_type(ncclDataType_t type);
nc_reduce_op reduce_op(ncclRedOp_t op);

std::size_t element_size(ncclDataType_t type);
const char* element_name(ncclDataType_t type);

} // namespace nc::doubles
