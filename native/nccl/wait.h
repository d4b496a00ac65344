// Waiting for a device, or for NCCL: neither wakes anybody, so one asks again and again, ever less often, until a
// deadline.
#pragma once

#include <thread>

#include "operation/traits.h"
#include "transport/patience.h"

namespace nc::nccl {

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

// That with an operation.
struct OperationPatience : Patience {
    nc_operation operation = NC_OPERATION_NONE; // none: forming a group

    // Throws Error when it ends.
    void check() const {
        throw_if_ended();
        if (!is_over()) return;
        if (operation == NC_OPERATION_NONE)
            fail_rendezvous(text("the ranks did not all join within ", timeout_ms, " ms"));
        throw Error(NC_TIMEOUT, text(operation_name(operation), " did not complete within ", timeout_ms, " ms"));
    }
};

// Asks until the answer is true. Throws Error when patience ends.
template <class Question>
void wait_until(Question&& question, const OperationPatience& patience) {
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
