// Waiting by poll(), where that keeps the contract: Linux.
#include <algorithm>
#include <cerrno>
#include <limits>

#include "backend/error.h"
#include "net/poller.h"

namespace nc {

bool Poller::wait(Deadline deadline) {
    for (;;) {
        // Rounded up, so that a wait does not end just before its deadline and begin again.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
        const int ready = ::poll(entries_.data(), static_cast<nfds_t>(entries_.size()), timeout);
        if (ready > 0) return true;
        if (ready == 0) {
            if (Clock::now() >= deadline) return false;
        } else if (errno != EINTR) {
            throw Error(NC_SYSTEM_ERROR, text("poll: ", system_error_text(errno)), -1, errno);
        }
    }
}

} // namespace nc
