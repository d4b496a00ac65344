// What an operation may be is checked here, once, before any byte moves; backends trust it.
#pragma once

#include "native_collectives.h"

namespace nc {

// Throws Error(NC_INVALID_ARGUMENT) if the request is not a valid one for this rank of a group of that size, and
// Error(NC_NOT_SUPPORTED) if it is about device memory in a group that has none.
void check_request(const nc_request* request, int rank, int size, bool has_device);

} // namespace nc
