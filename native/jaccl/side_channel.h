// How the ranks tell each other a few bytes while they form a group. Source: jaccl-wire.md, section 3.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/log.h"
#include "jaccl/interruption.h"
#include "operation/backend.h"
#include "os/descriptor.h"
#include "os/socket.h"

namespace nc::jaccl {

// How long forming may take, and what else ends it.
struct Patience {
    Deadline deadline;
    std::int64_t timeout_ms;
    Cancellation cancellation = {};
    const Interruption* interruption = nullptr;

    // Throws if one of them has come; what: "rank 2 of 3 waited for ...".
    void check(const std::string& what, int peer) const;
    // Until when to wait before looking again.
    Deadline next_look() const;
};

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

// What a rank must say before its number, where strangers could know the port.
using Token = std::array<std::uint8_t, 16>;

struct StarPlan {
    std::string source; // of the address, for messages
    int rank;
    int size;
    int first = 0; // what rank 0 of the star is called in messages, where it is part of a larger group
    Address coordinator;
    Descriptor listener;        // of rank 0; if closed, one is opened
    std::optional<Token> token; // none where MLX's ranks may come
    Patience patience;
    Log log;
};

// Every rank connected to rank 0 over TCP. Returns when this rank is, rank 0 when all are. Throws Error.
std::unique_ptr<SideChannel> make_star(StarPlan plan);

// Where a rank can be called, as the others are told; the same on all hosts of one system.
struct Door {
    std::int32_t is_open;
    std::int32_t address_bytes;
    Address::Storage storage;
    Token token;

    // Whether this is the address of an open door: a peer may say anything.
    bool can_be_called() const;
    // Empty if it cannot be called.
    Address address() const;
};

// A door on a free port of that host, so that nothing else can be in the way. Where it cannot be opened, failure says
// why: the others are to be told, so that all ranks stay in step.
struct OwnDoor {
    Door door{};
    Descriptor listener;
    std::optional<Error> failure;
};
OwnDoor open_door(Address host, const std::string& source);

// The callback that a program gave.
std::unique_ptr<SideChannel> make_custom_channel(const nc_backend_options& options, int size, Deadline deadline);

} // namespace nc::jaccl
