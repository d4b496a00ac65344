// How long a wait may take, and what else ends it.
#pragma once

#include "base/cancellation.h"
#include "base/clock.h"
#include "os/poller.h"
#include "transport/interruption.h"

namespace nc {

struct Patience {
    Deadline deadline;
    std::int64_t timeout_ms; // what the deadline was made from
    Cancellation cancellation = {};
    const Interruption* interruption = nullptr;

    static Patience of(std::int64_t timeout_ms, Cancellation cancellation = {}) {
        return {deadline_after(timeout_ms), timeout_ms, cancellation};
    }

    bool is_over() const { return Clock::now() >= deadline; }
    // Throws Error if somebody has ended the wait.
    void throw_if_ended() const {
        cancellation.check();
        if (interruption != nullptr) interruption->throw_if_ended();
    }

    // Until when to wait before looking again: a cancellation wakes nobody.
    Deadline next_look() const {
        constexpr std::chrono::milliseconds granularity{20};
        return cancellation.can_come() ? std::min(deadline, Clock::now() + granularity) : deadline;
    }
    // Waits for what the poller watches, for the interruption, or until it is time to look again.
    void wait(Poller& poller, Deadline until) const {
        if (interruption != nullptr) poller.watch(interruption->descriptor(), events::readable);
        (void)poller.wait(std::min(until, next_look()));
    }
};

} // namespace nc
