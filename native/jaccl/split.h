// Splitting a group: the members of a part connect anew, over the devices that the matrix names between them.
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl {

// What JacclGroup::split() does, as an operation of that group.
nc_backend_group split_group(const Operation& operation, const nc_backend_options& options);

} // namespace nc::jaccl
