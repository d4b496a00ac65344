// Every rank connected to rank 0 over TCP, as MLX's side channel.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "jaccl/contact.h"
#include "jaccl/side_channel.h"
#include "transport/patience.h"

namespace nc::jaccl {

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

    // What messages call that rank of the star, and this one.
    int name(int other) const { return other + first; }
    std::string self() const { return text(source, ": rank ", name(rank), " of ", name(size)); }

    // Throws Error if the patience has ended. what: "rank 2 of 3 waited for ..."; peer: as messages call it.
    void check(const std::string& what, int peer) const;
    // Throws Error: the connection to that rank of the star has ended so; ECONNABORTED: in order.
    [[noreturn]] void gave_up(int peer, int error) const;
};

// Returns when this rank is connected, rank 0 when all are. Throws Error.
std::unique_ptr<SideChannel> make_star(StarPlan plan);

// The connections of a star; that is what make_star() begins with.
std::vector<Connection> meet(StarPlan& plan);

// Listens as rank 0 does.
Descriptor listen_for_ranks(const Address& address, const std::string& source);

// Whether the rank at the other end has gone.
bool has_gone(const Connection& connection);

} // namespace nc::jaccl
