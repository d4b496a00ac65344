// Split: ranks of equal color form rings of their own.
#pragma once

#include "ring/operation.h"

namespace nc::ring {

// See RingGroup::split().
nc_backend_group split_ring(Operation& operation, const nc_backend_options& options);

} // namespace nc::ring
