// Drives an operation's lanes until all are done: moves what can be moved, and otherwise sleeps in the kernel.
#pragma once

#include <atomic>
#include <span>

#include "backend/backend.h"
#include "net/poller.h"
#include "ring/lane.h"

namespace nc::ring {

// What other threads may do to a running operation. Neither is ever taken back.
struct Interruption {
    Signal signal;                          // raised after either of these was set
    std::atomic<bool> aborted{false};       // the operation is to end with NC_ABORTED
    std::atomic<Link*> broken{nullptr};     // this connection gave way; the operation is to end unless it can still complete
};

class Pump {
   public:
    // read_ahead: links whose incoming bytes are taken in while nothing else moves, although no lane asks for them.
    // Throws Error: NC_PEER_LOST, NC_TIMEOUT, NC_ABORTED, NC_MISMATCH.
    void run(std::span<Lane* const> lanes, std::span<Link* const> read_ahead, const nc_request& request, const nc_call& call, Interruption& interruption);

   private:
    void prepare_exchange(std::span<Lane* const> lanes);

    Poller poller_;
    Deadline last_start_{};
};

}  // namespace nc::ring
