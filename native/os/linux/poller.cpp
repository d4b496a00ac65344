// Waiting by poll(), which keeps the contract here.
#include "os/poller.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/error.h"

namespace nc {

static_assert(events::readable == POLLIN && events::writable == POLLOUT && events::failed == POLLERR &&
              events::hung_up == POLLHUP && events::closed == POLLNVAL && events::peer_ended == POLLRDHUP);

bool Poller::wait(Deadline deadline) {
    // Most waits are for few.
    std::array<pollfd, 16> few;
    std::vector<pollfd> many(entries_.size() > few.size() ? entries_.size() : 0);
    pollfd* const polled = many.empty() ? few.data() : many.data();
    for (std::size_t i = 0; i < entries_.size(); ++i) polled[i] = {entries_[i].descriptor, entries_[i].wanted, 0};
    for (;;) {
        // Rounded up, so that a wait does not end just before its deadline and begin again.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
        const int ready = ::poll(polled, static_cast<nfds_t>(entries_.size()), timeout);
        const int error = errno;
        for (std::size_t i = 0; i < entries_.size(); ++i)
            entries_[i].happened = ready < 0 ? short{0} : polled[i].revents;
        if (ready > 0) return true;
        if (ready == 0) {
            if (Clock::now() >= deadline) return false;
        } else if (error != EINTR) {
            throw Error::of_system("poll", error);
        }
    }
}

} // namespace nc
