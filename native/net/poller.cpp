#include "net/poller.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

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

short Poller::events(int descriptor) const {
    for (const pollfd& entry : entries_) {
        if (entry.fd == descriptor) return entry.revents;
    }
    return 0;
}

} // namespace nc
