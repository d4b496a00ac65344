// One connection to a neighbour: its endpoint, and bytes that were read before an operation asked for them.
#pragma once

#include <memory>

#include "base/error.h"
#include "ring/read_ahead.h"
#include "transport/endpoint.h"

namespace nc::ring {

// No more than this is held for a neighbour that sends before it receives.
constexpr std::size_t read_ahead_limit = std::size_t{1} << 30;

class Link {
public:
    Link(std::unique_ptr<Endpoint> endpoint, int peer, std::size_t limit = read_ahead_limit)
        : endpoint_(std::move(endpoint)), peer_(peer), ahead_(limit) {}

    int peer() const { return peer_; }
    Endpoint& endpoint() const { return *endpoint_; }

    Transfer read(void* buffer, std::size_t bytes);
    Transfer write(std::span<const ConstBuffer> parts);

    // Whether the last write did not find room for all, and nobody has said since that there is some.
    bool is_blocked() const { return blocked_; }
    void unblock() { blocked_ = false; }

    // Reads what is waiting, so that a neighbour that sends before it receives can go on. Moved if there was something;
    // an end or a failure is left for read().
    Transfer read_ahead();

    // Whether no more is read ahead.
    bool is_full() const { return ahead_.is_full(); }

    // The next bytes, as far as they are there, without taking them; returns how many.
    std::size_t peek(void* buffer, std::size_t bytes) const;

    // The failure to report when the connection gave way. system_error is 0 if the connection has to be asked for the
    // reason.
    Error lost(int system_error) const;

private:
    std::unique_ptr<Endpoint> endpoint_;
    int peer_;
    ReadAhead ahead_;
    bool blocked_ = false;
};

} // namespace nc::ring
