// Waiting by poll(), which keeps the contract here.
#include "os/poller.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>

#include "base/error.h"

namespace nc {

static_assert(events::readable == POLLIN && events::writable == POLLOUT && events::failed == POLLERR &&
              events::hung_up == POLLHUP && events::closed == POLLNVAL && events::peer_ended == POLLRDHUP);

// An entry is what the system takes.
static_assert(sizeof(Poller::Entry) == sizeof(pollfd) && offsetof(Poller::Entry, descriptor) == offsetof(pollfd, fd) &&
              offsetof(Poller::Entry, wanted) == offsetof(pollfd, events) &&
              offsetof(Poller::Entry, happened) == offsetof(pollfd, revents));

bool Poller::wait(Deadline deadline) {
    auto* const polled = reinterpret_cast<pollfd*>(entries_.data());
    for (;;) {
        // Rounded up, so that a wait does not end just before its deadline and begin again.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
        const int ready = ::poll(polled, static_cast<nfds_t>(entries_.size()), timeout);
        const int error = errno;
        if (ready > 0) return true;
        // A call that fails leaves what was reported before.
        for (Entry& entry : entries_) entry.happened = 0;
        if (ready == 0) {
            if (Clock::now() >= deadline) return false;
        } else if (error != EINTR) {
            throw Error::of_system("poll", error);
        }
    }
}

} // namespace nc
