// Operations of a group of one, which need no backend: every collective is the identity.
#pragma once

#include "native_collectives.h"

namespace nc {

// request was checked for a group of size 1 and is not a split.
void execute_alone(const nc_request& request);

} // namespace nc
