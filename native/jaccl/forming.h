// Connecting a rank to its peers: devices, queue pairs, and the exchange of what they need to know of each other.
// Source: jaccl-wire.md, sections 2 to 4.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "base/log.h"
#include "jaccl/device_matrix.h"
#include "jaccl/link.h"
#include "jaccl/settings.h"
#include "jaccl/side_channel.h"

namespace nc::jaccl {

// A rank's connections. What is used by others comes first, so that it goes last.
struct Fabric {
    Topology topology;
    int wires = 1;
    std::vector<std::unique_ptr<Device>> devices;
    std::unique_ptr<SharedFrames> shared; // of a mesh
    // Mesh: one per peer, in the order of their ranks. Ring: the wires to the left, then those to the right.
    std::vector<std::unique_ptr<Link>> links;
    std::vector<bool> is_ours; // by rank: not MLX's

    bool has_only_ours() const { return std::ranges::find(is_ours, false) == is_ours.end(); }
};

// Connects the rank with the others of the matrix, all of which must call this. Throws Error.
Fabric connect_ranks(const VerbsLibrary& verbs, const DeviceMatrix& matrix, int rank, Topology topology,
                     const Settings& settings, SideChannel& channel, const Log& log);

} // namespace nc::jaccl
