// Making the connections of a ring. Source: mlx-ring-wire.md, section 2.
//
// A rank accepts one connection on each of its own addresses from its left neighbour and opens one to each address of
// its right neighbour. Both are done side by side and in any order in time: only the index of an address says which
// connection is which.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "os/descriptor.h"
#include "os/socket.h"
#include "ring/link.h"
#include "transport/patience.h"

namespace nc::ring {

struct Connections {
    std::vector<std::unique_ptr<Link>> left;
    std::vector<std::unique_ptr<Link>> right;
};

// What the opener of a connection says first where both ends are ours; who says anything else is a stranger.
using Password = std::array<std::uint8_t, 16>;

struct FormingPlan {
    std::string source; // what the addresses come from, for messages: "the hostfile ..."
    int rank = 0;
    int size = 0;
    std::vector<Address> own;
    std::vector<Address> left;
    std::vector<Address> right;
    // Already listening on own, or empty.
    std::vector<Descriptor> listeners;
    // As listen_on(), where listeners is empty.
    bool also_ipv4 = false;
    // What callers must say, and what to say to the right neighbour. None on MLX's wire.
    std::optional<Password> own_password;
    std::optional<Password> right_password;
    // The neighbours are known to listen already: one that does not answer has failed, and is not waited for.
    bool neighbours_listen = false;
    Patience patience{}; // its interruption: of the group that is split
    Log log;
};

// Throws Error: NC_RENDEZVOUS_FAILED, NC_CANCELLED; what the interruption throws.
Connections form_ring(FormingPlan plan);

} // namespace nc::ring
