// What an operation may be is checked here, once, before any byte moves; backends trust it.
#pragma once

#include "core/requests.h"

namespace nc {

// What requests are checked against.
struct Place {
    int rank;
    int size;
    bool has_device;
    bool has_tags; // messages may be told apart by them
};

// Throw Error(NC_INVALID_ARGUMENT) if the request, or one of the batch, is not a valid one for this rank of the group,
// and Error(NC_NOT_SUPPORTED) if it is about device memory or tags in a group that has none.
void check_requests(const Requests& requests, const Place& place);
// The same for everything but its buffers and counts.
void check_kind(const nc_request& request, const Place& place);

} // namespace nc
