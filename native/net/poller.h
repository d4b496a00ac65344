// Waiting in the kernel for one of several descriptors, or for another thread's signal.
#pragma once

#include <poll.h>

#include <utility>
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

// Asked for by itself: the peer has ended its sending side, while bytes may still be unread.
#ifdef POLLRDHUP
constexpr short poll_peer_ended = POLLRDHUP;
#else
constexpr short poll_peer_ended = 0x2000;
#endif

// What is asked for and reported is named as poll() names it, whatever the system has (poller_poll.cpp,
// poller_kqueue.cpp). The contract is tested in poller_test.cpp:
// - A connection that was reset or has failed is reported, with POLLERR and POLLHUP, also if nothing is asked of it.
//   It stays reported as long as nobody has taken its error (by read, write or take_error).
// - The peer's orderly end is reported as POLLIN or poll_peer_ended, if that is asked for, and otherwise neither
//   reported nor a reason to wake up.
// - Whatever else is reported was asked for, and is still so when the next wait begins: nothing is reported once only.
// - A closed descriptor is POLLNVAL.
class Poller {
public:
    void clear() { entries_.clear(); }
    // Watches for events (POLLIN, POLLOUT, poll_peer_ended, or 0: failures alone). Entries of the same descriptor,
    // added one behind the other or not, are merged.
    void watch(int descriptor, short events);
    // Waits until something happened, at the latest until the deadline; false if nothing did. With a deadline that has
    // passed it looks without waiting. Throws Error(NC_SYSTEM_ERROR).
    bool wait(Deadline deadline);
    // What happened to the descriptor.
    short events(int descriptor) const;

private:
    std::vector<pollfd> entries_;
    // Where the system waits by means of a queue.
    Descriptor queue_;
    std::vector<std::pair<int, short>> registered_;
};

} // namespace nc
