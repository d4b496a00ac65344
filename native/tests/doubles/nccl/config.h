// What a caller may set of a communicator.
#pragma once

#include "doubles/nccl/nccl_api.h"

namespace nc::doubles {

struct Config {
    bool blocking = true;
};

// config may be null: then all is as in the defaults. Throws Violation for what is no ncclConfig_t of any header, and
// for fields that were never set.
Config read_config(const ncclConfig_t* config, const Config& defaults);

} // namespace nc::doubles
