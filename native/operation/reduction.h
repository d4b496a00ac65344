// The combining step of reductions, for every element type and operator.
//
// Source of MLX's rules: mlx-ring-wire.md, section 9. A rank combines its own element with the partial result that
// arrived: the roles matter for NaNs, signed zeros and the order in which floating-point sums are rounded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "native_collectives.h"

namespace nc {

// result[i] = own[i] op incoming[i] for count elements. result may be own; incoming overlaps neither.
using Combine = void (*)(void* result, const void* own, const void* incoming, std::size_t count);

// What max and min make of a NaN. A complex number is a NaN if either part is.
enum class NanRule {
    // If any operand is a NaN, so is the result: the own one if it is, else the incoming one, bit for bit; of 16-bit
    // floats the canonical one. So whatever the order, the result is a NaN if any rank's operand was.
    Wins,
    // The own NaN stays, an incoming one is dropped. MLX's ranks do this, so whoever may share a group with them must.
    OfMlx,
};

// For integers and bool only.
constexpr bool is_bitwise(nc_reduce_op op) {
    return op == NC_BITWISE_AND || op == NC_BITWISE_OR || op == NC_BITWISE_XOR;
}

constexpr std::uint32_t reduce_op_count = NC_CUSTOM + 1;

// Null for NC_CUSTOM, which is the caller's, and for a bitwise operator of other types. NC_AVERAGE is the sum of what
// average.h makes of the elements: of floating-point types one that stops at the largest finite number instead of
// overflowing.
Combine combine_function(nc_data_type type, nc_reduce_op op, NanRule rule);

const char* reduce_op_name(nc_reduce_op op);

} // namespace nc
