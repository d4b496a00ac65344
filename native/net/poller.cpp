#include "net/poller.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "backend/error.h"

namespace nc {

Signal::Signal() {
    int ends[2];
#ifdef __linux__
    const int made = ::pipe2(ends, O_CLOEXEC);
#else
    const int made = ::pipe(ends);
#endif
    if (made != 0) throw Error(NC_SYSTEM_ERROR, text("pipe: ", system_error_text(errno)), -1, errno);
    reading_ = Descriptor(ends[0]);
    writing_ = Descriptor(ends[1]);
    for (const int end : ends) {
        (void)::fcntl(end, F_SETFD, FD_CLOEXEC);
        (void)::fcntl(end, F_SETFL, O_NONBLOCK);
    }
}

void Signal::raise() {
    const char byte = 1;
    // A full pipe has been signalled already.
    [[maybe_unused]] const ssize_t written = ::write(writing_.get(), &byte, 1);
}

void Poller::watch(int descriptor, short events) {
    for (pollfd& entry : entries_) {
        if (entry.fd == descriptor) {
            entry.events = static_cast<short>(entry.events | events);
            return;
        }
    }
    entries_.push_back({descriptor, events, 0});
}

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

short Poller::events(int descriptor) const {
    for (const pollfd& entry : entries_) {
        if (entry.fd == descriptor) return entry.revents;
    }
    return 0;
}

} // namespace nc
