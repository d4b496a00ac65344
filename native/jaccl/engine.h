// Runs the exchanges of one operation until they are done, and waits for the fabric meanwhile.
#pragma once

#include <vector>

#include "base/clock.h"
#include "jaccl/departures.h"
#include "jaccl/exchange.h"
#include "operation/backend.h"
#include "os/poller.h"
#include "transport/interruption.h"

namespace nc::jaccl {

// A sequence of exchanges: fills in the next one, which begins when the one before is done; false: there is none.
using Flow = FunctionRef<bool(Exchange&)>;

class Engine {
public:
    Engine(std::vector<Link*> links, std::vector<const Device*> devices, const Interruption& interruption,
           const Departures& departures);

    // Of the operation that runs.
    Scratch& scratch() { return scratch_; }

    // Runs the flows side by side; they must not share links in the same direction. Throws Error; what was posted stays
    // posted then, so that the links cannot be used again.
    void run(std::span<const Flow> flows, nc_operation operation, const nc_call& call);

private:
    bool begin_next(Flow flow, Exchange& exchange) const;
    bool poll_links();
    void take(Link& link, const Completion& completion) const;
    [[noreturn]] void fail(const Link& link, const Completion& completion) const;

    void wait(nc_operation operation, const nc_call& call);
    void check_departures() const;
    void sleep(Deadline deadline);
    [[noreturn]] void time_out(nc_operation operation, const nc_call& call) const;

    const std::vector<Link*> links_;
    const std::vector<const Device*> devices_;
    const bool has_channels_;
    const Interruption& interruption_;
    const Departures& departures_;
    // Kept for the next operation.
    Scratch scratch_;
    std::vector<std::unique_ptr<Exchange>> exchanges_;
    Poller poller_;
    Clock::time_point last_progress_{};
    bool armed_ = false;
};

} // namespace nc::jaccl
