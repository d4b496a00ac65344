// Waiting in the kernel for one of several descriptors, or for another thread's signal.
#pragma once

#include <poll.h>

#include <vector>

#include "backend/clock.h"
#include "net/socket.h"

namespace nc {

// A descriptor that stays readable once another thread has signalled.
class Signal {
public:
    // Throws Error(NC_SYSTEM_ERROR).
    Signal();
    void raise();
    int descriptor() const { return reading_.get(); }

private:
    Descriptor reading_;
    Descriptor writing_;
};

class Poller {
public:
    void clear() { entries_.clear(); }
    // Watches for events (POLLIN, POLLOUT; errors and hang-ups always); entries of the same descriptor, added one behind the other or not, are merged.
    void watch(int descriptor, short events);
    // Waits until something happened, at the latest until the deadline; false if nothing did.
    bool wait(Deadline deadline);
    // What happened to the descriptor.
    short events(int descriptor) const;

private:
    std::vector<pollfd> entries_;
};

// The peer ended its sending side; where the system has no event for it, hang-ups are reported alone.
#ifdef POLLRDHUP
constexpr short poll_peer_ended = POLLRDHUP;
#else
constexpr short poll_peer_ended = 0;
#endif

} // namespace nc
