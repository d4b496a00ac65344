// What the ranks of a communicator find each other by.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "doubles/nccl/nccl_api.h"

namespace nc::doubles {

struct Identity {
    std::array<std::uint64_t, 2> bits;
    std::string text() const;
};

// A new one, or with NCCL_COMM_ID the one that every rank derives from its value. Throws NcclError if that is no
// address.
ncclUniqueId make_unique_id();

// Throws NcclError for what make_unique_id did not make.
Identity identity_of(const ncclUniqueId& id);

// One of its own for each of the parts of a communicator, the same on every rank.
Identity derived_identity(const Identity& parent, std::uint64_t split, int color);

} // namespace nc::doubles
