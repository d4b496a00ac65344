// Sizes of the element types of the ABI.
#pragma once

#include <cstddef>

#include "native_collectives.h"

namespace nc {

constexpr int data_type_count = NC_COMPLEX64 + 1;

// Bytes of one element, or 0 for an unknown type.
std::size_t data_type_size(nc_data_type type);

// The type's name as messages write it, such as "float32".
const char* data_type_name(nc_data_type type);

} // namespace nc
