// Waiting for a device, or for NCCL: neither wakes anybody, so one asks again and again, ever less often, until a
// deadline.
#pragma once

#include <atomic>
#include <thread>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/error.h"
#include "operation/traits.h"

namespace nc::nccl {

inline Error interrupted() {
    return {NC_ABORTED, "the operation was interrupted"};
}

// The pauses between one question and the next: a long wait is noticed to have ended after a hundredth of it, and does
// not keep a core busy.
class Pause {
public:
    void take() {
        const auto waited = Clock::now() - begin_;
        if (waited < eager) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(std::clamp<Clock::duration>(waited / 100, shortest, longest));
        }
    }

private:
    static constexpr std::chrono::microseconds eager{200};
    static constexpr std::chrono::microseconds shortest{20};
    static constexpr std::chrono::milliseconds longest{1};

    const Deadline begin_ = Clock::now();
};

// What ends a wait before its time.
struct Patience {
    Deadline deadline;
    std::int64_t timeout_ms;                    // what the deadline was made from
    nc_operation operation = NC_OPERATION_NONE; // none: forming a group
    const std::atomic<bool>* aborted = nullptr;
    Cancellation cancellation = {};

    void check() const {
        if (aborted != nullptr && aborted->load(std::memory_order_relaxed)) throw interrupted();
        cancellation.check();
        if (Clock::now() < deadline) return;
        if (operation == NC_OPERATION_NONE)
            throw Error(NC_RENDEZVOUS_FAILED, text("the ranks did not all join within ", timeout_ms, " ms"));
        throw Error(NC_TIMEOUT, text(operation_name(operation), " did not complete within ", timeout_ms, " ms"));
    }
};

// Asks until the answer is true. Throws Error when patience ends.
template <class Question>
void wait_until(Question&& question, const Patience& patience) {
    Pause pause;
    while (!question()) {
        patience.check();
        pause.take();
    }
}

// Asks until the answer is true, at the latest until the deadline; what it was last.
template <class Question>
bool ask_until(Deadline deadline, Question&& question) {
    Pause pause;
    while (!question()) {
        if (Clock::now() >= deadline) return false;
        pause.take();
    }
    return true;
}

} // namespace nc::nccl
