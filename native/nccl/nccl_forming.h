// Forming a group: which device, which id, and the communicator that comes of it.
#pragma once

#include "nccl/nccl_group.h"
#include "nccl/settings.h"

namespace nc::nccl {

// Throws Error.
std::shared_ptr<NcclGroup> form_group(const nc_backend_options& options);

} // namespace nc::nccl
