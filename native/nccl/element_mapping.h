// How our element types and operators are expressed in NCCL's, where that is exact.
#pragma once

#include "native_collectives.h"
#include "nccl/nccl_api.h"

namespace nc::nccl {

struct Mapping {
    Type type;
    std::size_t factor;  // elements of NCCL's that make one of ours
    std::size_t item;    // bytes of one element of NCCL's
    Reduction reduction; // for operations that reduce
};

// For operations that only move elements: any type, if need be as bytes.
Mapping map_moved(nc_data_type type);

// The function of NCCL's for an operation that moves data, as messages name it.
const char* function_name(nc_operation operation);

// For operations that reduce. NCCL's own types are themselves; a sum, maximum or minimum of bool is one of uint8, as
// the values are 0 and 1; a sum or average of complex numbers is one of twice as many floats. Throws
// Error(NC_NOT_SUPPORTED) for the rest.
Mapping map_reduced(nc_data_type type, nc_reduce_op op);

} // namespace nc::nccl
