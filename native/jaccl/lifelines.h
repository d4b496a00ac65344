// Lifelines between all ranks, where all are ours: the side channel joins every rank with rank 0 only, and whoever
// remains when rank 0 has left is to hear of the others too.
#pragma once

#include "jaccl/forming.h"
#include "transport/patience.h"

namespace nc::jaccl {

// The side channel's connections and, unless ranks of MLX are among them or one cannot be called, those between the
// others. All ranks must call this.
std::vector<Connection> connect_lifelines(SideChannel& channel, const Fabric& fabric, int rank,
                                          const Patience& patience, const Log& log);

} // namespace nc::jaccl
