// The way to an address at which somebody is going to listen: tries again and again, ever less often, until a
// connection has come about.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "base/clock.h"
#include "os/poller.h"
#include "os/socket.h"

namespace nc {

// How soon to try again, and how long an attempt may take.
struct Backoff {
    std::chrono::milliseconds first;
    std::chrono::milliseconds longest;
    std::chrono::milliseconds attempt{5000};
};

class Connector {
public:
    // greeting: what is said first; short enough for a new connection to take it at once.
    Connector(Address address, const Backoff& backoff, std::vector<std::byte> greeting = {})
        : address_(std::move(address)), backoff_(backoff), greeting_(std::move(greeting)), pause_(backoff.first) {}

    const Address& address() const { return address_; }
    // Whether there is a connection, if perhaps one in doubt for which there is no other.
    bool is_connected() const { return is_settled() || (doubted_.is_open() && has_failed_since_); }
    // Whether there is one that nobody doubts, and nothing to be done.
    bool is_settled() const { return state_ == State::Connected; }
    // While it is settled.
    const Descriptor& connection() const { return connection_; }
    // While it is connected.
    Descriptor take() { return std::move(is_settled() ? connection_ : doubted_); }

    // Goes on as far as it can without waiting. Returns the errno of an attempt that has failed just now, or 0.
    // Throws Error(NC_SYSTEM_ERROR) if there can be no socket.
    int step();
    // What is to wake up whoever waits for it, and when to step at the latest.
    void watch(Poller& poller) const;
    Deadline next_step() const;
    // What is to be told of the connection, while it is settled.
    Pulse look();
    // The connection gave way: another one is needed.
    void lose(int error);
    // The peer has ended it in order: it may have been started again, and listen anew. Another connection is tried for,
    // and takes the place of this one, which is kept for the case that none stays.
    void doubt();

    // Why the last attempt failed; 0 if none has. Whether the one before failed otherwise, or there was none.
    int last_error() const { return last_error_; }
    bool fails_anew() const { return fails_anew_; }

private:
    enum class State { Pausing, Trying, Connected };

    int attempt();
    int finish();
    void pause();

    Address address_;
    Backoff backoff_;
    std::vector<std::byte> greeting_;
    State state_ = State::Pausing;
    Descriptor connection_;
    Pulse pulse_ = Pulse::Quiet; // at the last look
    Descriptor doubted_;
    bool has_failed_since_ = false;
    Deadline next_step_{}; // when to try again, or to give an attempt up
    std::chrono::milliseconds pause_;
    int last_error_ = 0;
    bool fails_anew_ = false;
};

} // namespace nc
