// Waiting by kqueue: macOS, whose poll() registers nothing for a descriptor of which nothing is asked, and so never
// reports that its connection was reset.
#include <fcntl.h>
#include <sys/event.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "backend/error.h"
#include "net/poller.h"

namespace nc {
namespace {

using Event = struct kevent;

constexpr std::chrono::hours longest_wait{24};
constexpr short always_reported = POLLERR | POLLHUP | POLLNVAL;

[[noreturn]] void call_failed(const char* call, int error) {
    throw Error(NC_SYSTEM_ERROR, text(call, ": ", system_error_text(error)), -1, error);
}

Event make_event(int descriptor, short filter, int flags) {
    Event event{};
    event.ident = static_cast<decltype(event.ident)>(descriptor);
    event.filter = filter;
    event.flags = static_cast<decltype(event.flags)>(flags | EV_RECEIPT);
    return event;
}

// What has to be registered for an entry.
void append_registrations(const pollfd& entry, std::vector<Event>& events) {
    if ((entry.events & POLLOUT) != 0) events.push_back(make_event(entry.fd, EVFILT_WRITE, EV_ADD));
    if ((entry.events & POLLIN) != 0) {
        events.push_back(make_event(entry.fd, EVFILT_READ, EV_ADD));
    } else if ((entry.events & POLLOUT) == 0 || (entry.events & poll_peer_ended) != 0) {
        // Only an end or a failure is to wake us, not bytes: those of less than a full buffer do not. An end that was
        // not asked for is told once in a wait, because of EV_CLEAR.
        Event event = make_event(entry.fd, EVFILT_READ, EV_ADD | EV_CLEAR);
        event.fflags = NOTE_LOWAT;
        event.data = std::numeric_limits<int>::max();
        events.push_back(event);
    }
}

// What poll() would say of it.
short meaning_of(const Event& event) {
    const bool ended = (event.flags & EV_EOF) != 0;
    // The connection's error, unless what was asked comes back with it.
    const bool failed = ended && (event.fflags & ~static_cast<decltype(event.fflags)>(NOTE_LOWAT)) != 0;
    int meaning = failed ? POLLERR | POLLHUP : 0;
    if (event.filter == EVFILT_WRITE) {
        meaning |= POLLOUT;
        // There it means that nothing can be sent any more.
        if (ended) meaning |= POLLHUP;
    } else {
        meaning |= POLLIN;
        if (ended) meaning |= poll_peer_ended;
    }
    return static_cast<short>(meaning);
}

timespec left_until(Deadline deadline) {
    const auto left = std::clamp<Clock::duration>(deadline - Clock::now(), Clock::duration::zero(), longest_wait);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timespec time{};
    time.tv_sec = static_cast<decltype(time.tv_sec)>(seconds.count());
    time.tv_nsec = static_cast<decltype(time.tv_nsec)>(std::chrono::nanoseconds(left - seconds).count());
    return time;
}

pollfd* entry_of(std::vector<pollfd>& entries, int descriptor) {
    const auto matches = [descriptor](const pollfd& entry) { return entry.fd == descriptor; };
    const auto found = std::find_if(entries.begin(), entries.end(), matches);
    return found == entries.end() ? nullptr : &*found;
}

pollfd* entry_of(std::vector<pollfd>& entries, const Event& event) {
    return entry_of(entries, static_cast<int>(event.ident));
}

int count(const std::vector<Event>& events) {
    return static_cast<int>(events.size());
}

} // namespace

bool Poller::wait(Deadline deadline) {
    if (!queue_.is_open()) {
        queue_ = Descriptor(::kqueue());
        if (!queue_.is_open()) call_failed("kqueue", errno);
        (void)::fcntl(queue_.get(), F_SETFD, FD_CLOEXEC);
    }
    // Everything is registered anew in each wait: what is so already is told then, as poll() would.
    std::vector<Event> changes;
    for (const auto& [descriptor, filter] : registered_) changes.push_back(make_event(descriptor, filter, EV_DELETE));
    registered_.clear();
    for (pollfd& entry : entries_) {
        entry.revents = 0;
        append_registrations(entry, changes);
    }
    std::vector<Event> found(std::max<std::size_t>(changes.size(), 1));
    const timespec no_time{};
    const int queue = queue_.get();
    if (!changes.empty()) {
        const int told = ::kevent(queue, changes.data(), count(changes), found.data(), count(found), &no_time);
        if (told < 0) call_failed("kevent", errno);
    }

    // What a queue refuses, such as the devices of some drivers, is left to poll().
    std::vector<pollfd> refused;
    bool any = false;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const Event& receipt = found[i];
        if ((receipt.flags & EV_ERROR) == 0 || (receipt.flags & EV_DELETE) != 0) continue;
        pollfd* entry = entry_of(entries_, receipt);
        if (entry == nullptr) continue;
        if (receipt.data == 0) {
            registered_.emplace_back(entry->fd, receipt.filter);
        } else if (receipt.data == EBADF) {
            entry->revents = POLLNVAL;
            any = true;
        } else {
            refused.push_back({entry->fd, entry->events, 0});
        }
    }
    refused.push_back({queue, POLLIN, 0});

    for (;;) {
        const timespec left = any ? no_time : left_until(deadline);
        if (refused.size() > 1) {
            const int milliseconds = static_cast<int>(left.tv_sec * 1000 + (left.tv_nsec + 999'999) / 1'000'000);
            const int ready = ::poll(refused.data(), static_cast<nfds_t>(refused.size()), milliseconds);
            if (ready < 0 && errno != EINTR) call_failed("poll", errno);
            for (const pollfd& one : refused) {
                if (ready <= 0 || one.revents == 0 || one.fd == queue) continue;
                pollfd* entry = entry_of(entries_, one.fd);
                entry->revents = static_cast<short>(entry->revents | one.revents);
                any = true;
            }
        }
        const timespec* time = refused.size() > 1 ? &no_time : &left;
        const int events = ::kevent(queue, nullptr, 0, found.data(), count(found), time);
        if (events < 0 && errno != EINTR) call_failed("kevent", errno);
        for (int i = 0; i < events; ++i) {
            const Event& event = found[static_cast<std::size_t>(i)];
            pollfd* entry = entry_of(entries_, event);
            if (entry == nullptr) continue;
            const int happened = meaning_of(event) & (entry->events | always_reported);
            entry->revents = static_cast<short>(entry->revents | happened);
            any = any || happened != 0;
        }
        if (any) return true;
        if (events == 0 && Clock::now() >= deadline) return false;
    }
}

} // namespace nc
