// Drives an operation's lanes until all are done: moves what can be moved, and otherwise sleeps in the kernel.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "operation/group_functions.h"
#include "os/poller.h"
#include "ring/lane.h"
#include "transport/interruption.h"

namespace nc::ring {

// Of an operation.
using Lanes = std::span<const std::unique_ptr<Lane>>;

// What is asked once if the lanes are not done by then, and when they fail; it may throw an Error of its own.
struct Suspicion {
    Deadline when = Deadline::max();
    std::function<void(const Error* failure)> voice;
};

class Pump {
public:
    // read_ahead: links whose incoming bytes are taken in while nothing else moves, although no lane asks for them.
    // Throws Error: NC_PEER_LOST, NC_TIMEOUT, NC_ABORTED, NC_MISMATCH.
    void run(Lanes lanes, std::span<Link* const> read_ahead, const nc_request& request, const nc_call& call,
             const Interruption& interruption, const Suspicion& suspicion = {});

private:
    // Whether to go on looking, or to sleep although there would be time.
    bool may_yield(Deadline now);
    void prepare_exchange(Lanes lanes);
    // Lets others run, or sleeps until something can be moved, at the latest until then.
    void rest(Lanes lanes, std::span<Link* const> read_ahead, const Interruption& interruption, Deadline now,
              Deadline until);
    void watch(Lanes lanes, const Interruption& interruption);
    // False if nothing has happened until then.
    bool wait(Lanes lanes, Deadline until);
    // Reads ahead; if there was nothing, that is watched for too.
    bool take_in(std::span<Link* const> read_ahead);

    Poller poller_;
    Deadline exchange_expected_{};
    Deadline idle_since_{}; // while nothing moves
    bool shares_core_ = false;
    Deadline last_sleep_{};
};

} // namespace nc::ring
