// Waiting in the kernel for one of several descriptors.
#pragma once

#include <utility>
#include <vector>

#include "base/clock.h"
#include "os/descriptor.h"

namespace nc {

// What a descriptor is watched for, and what is reported of it; numbers that can be added up.
namespace events {

constexpr short readable = 0x001;
constexpr short writable = 0x004;
constexpr short failed = 0x008;      // only reported: the connection is broken
constexpr short hung_up = 0x010;     // only reported: nothing will come or can be sent any more
constexpr short closed = 0x020;      // only reported: there is no such descriptor
constexpr short peer_ended = 0x2000; // the peer has ended its sending side, while bytes may still be unread

} // namespace events

// The contract, whatever the system has (linux/poller.cpp, macos/poller.cpp), is tested in poller_test.cpp:
// - A connection that was reset or has failed is reported, as failed and hung_up, also if nothing is asked of it. It
//   stays reported as long as nobody has taken its error (by reading, writing or take_error).
// - The peer's orderly end is reported as readable or peer_ended, if that is asked for, and otherwise neither reported
//   nor a reason to wake up.
// - Whatever else is reported was asked for, and is still so when the next wait begins: nothing is reported once only.
// - A closed descriptor is reported as closed.
class Poller {
public:
    struct Entry {
        int descriptor;
        short wanted;
        short happened;
    };

    void clear() { entries_.clear(); }
    // Watches for events (readable, writable, peer_ended, or 0: failures alone). Entries of the same descriptor, added
    // one behind the other or not, are merged.
    void watch(int descriptor, short events);
    // Waits until something happened, at the latest until the deadline; false if nothing did. With a deadline that has
    // passed it looks without waiting. Throws Error(NC_SYSTEM_ERROR).
    bool wait(Deadline deadline);
    // What happened to the descriptor.
    short events(int descriptor) const;

private:
    std::vector<Entry> entries_;
    // Where the system waits by means of a queue.
    Descriptor queue_;
    std::vector<std::pair<int, short>> registered_;
};

} // namespace nc
