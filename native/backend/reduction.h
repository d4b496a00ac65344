// The combining step of reductions, for every element type and operator.
//
// Source of the rules: mlx-ring-wire.md, section 9. A rank combines its own element with the partial result that arrived: the roles matter for
// NaNs, signed zeros and the order in which floating-point sums are rounded.
#pragma once

#include <cstddef>

#include "native_collectives.h"

namespace nc {

// result[i] = own[i] op incoming[i] for count elements. result may be own; incoming overlaps neither.
using Combine = void (*)(void* result, const void* own, const void* incoming, std::size_t count);

// Never null for a known type and operator. NC_AVERAGE combines as NC_SUM: see average.h for its last step.
Combine combine_function(nc_data_type type, nc_reduce_op op);

const char* reduce_op_name(nc_reduce_op op);

} // namespace nc
