// What all functions that put an operation on a stream have in common.
#pragma once

#include "doubles/nccl/group.h"

namespace nc::doubles {

// Checks the request and launches it, or adds it to the calling thread's open group.
ncclResult_t issue(ncclComm_t comm, Request request);

} // namespace nc::doubles
