// The last step of NC_AVERAGE.
#pragma once

#include <cstddef>

#include "native_collectives.h"

namespace nc {

// Divides count elements by divisor: integers truncate toward zero, 16-bit floats divide as binary32. Does nothing for bool, which has no average.
void divide(nc_data_type type, void* elements, std::size_t count, int divisor);

} // namespace nc
