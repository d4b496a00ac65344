// How the ranks tell each other a few bytes while they form a group. Source: jaccl-wire.md, section 3.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "operation/backend.h"
#include "os/descriptor.h"
#include "os/socket.h"

namespace nc::jaccl {

// A connection that stays open as long as the group lives.
struct Connection {
    int peer;
    Descriptor socket;
    bool is_ours = false; // a rank of ours, not MLX's
};

class SideChannel {
public:
    virtual ~SideChannel() = default;

    // Writes every rank's bytes to all, in rank order. Throws Error(NC_RENDEZVOUS_FAILED).
    virtual void exchange(const void* own, std::size_t bytes, void* all) = 0;
    // This rank's end of what connects it to the others; none where something else does.
    virtual std::optional<Address> own_address() const { return std::nullopt; }
    // Gives away what connects the ranks; empty where they are connected by something else.
    virtual std::vector<Connection> take_connections() { return {}; }
};

// The callback that a program gave.
std::unique_ptr<SideChannel> make_custom_channel(const nc_backend_options& options, int size, Deadline deadline);

} // namespace nc::jaccl
