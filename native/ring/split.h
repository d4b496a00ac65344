// Groups made of a ring: the ranks of equal color form a ring of their own.
#pragma once

#include <cstdint>

#include "ring/operation.h"

namespace nc::ring {

// What every rank tells the others at a split. The ports follow that it listens on for its part, one for each of the
// ring's connections to a neighbour: free ones of the hosts that its hostfile entry names.
struct SplitAnnouncement {
    std::int32_t color;
    std::int32_t key;
    std::int32_t listens; // 0: this rank cannot be called
    Password password;    // what a caller must say to this rank
};

// How a rank's part came out. All ranks of the ring that is split tell each other, so that a split fails on all ranks
// of a color or on none, and the ring is known to be in step.
enum class SplitOutcome : std::uint8_t { Joined = 0, Failed = 1 };

// Throws Error; one that says that the ranks are still in step is a part that could not be formed.
nc_backend_group split_ring(Operation& operation, const nc_backend_options& options);

} // namespace nc::ring
