// Waiting by kqueue: macOS, whose poll() registers nothing for a descriptor of which nothing is asked, and so never
// reports that its connection was reset.
#include "os/poller.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/event.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>

#include "base/error.h"

namespace nc {
namespace {

using Event = struct kevent;

constexpr std::chrono::hours longest_wait{24};
constexpr short always_reported = events::failed | events::hung_up | events::closed;
static_assert(events::readable == POLLIN && events::writable == POLLOUT && events::failed == POLLERR &&
              events::hung_up == POLLHUP && events::closed == POLLNVAL);

Event make_event(int descriptor, short filter, int flags) {
    Event event{};
    event.ident = static_cast<decltype(event.ident)>(descriptor);
    event.filter = filter;
    event.flags = static_cast<decltype(event.flags)>(flags | EV_RECEIPT);
    return event;
}

// What has to be registered for an entry.
void append_registrations(int descriptor, short wanted, std::vector<Event>& registrations) {
    if ((wanted & events::writable) != 0) registrations.push_back(make_event(descriptor, EVFILT_WRITE, EV_ADD));
    if ((wanted & events::readable) != 0) {
        registrations.push_back(make_event(descriptor, EVFILT_READ, EV_ADD));
    } else if ((wanted & events::writable) == 0 || (wanted & events::peer_ended) != 0) {
        // Only an end or a failure is to wake us, not bytes: those of less than a full buffer do not. An end that was
        // not asked for is told once in a wait, because of EV_CLEAR.
        Event event = make_event(descriptor, EVFILT_READ, EV_ADD | EV_CLEAR);
        event.fflags = NOTE_LOWAT;
        event.data = std::numeric_limits<int>::max();
        registrations.push_back(event);
    }
}

// What poll() would say of it.
short meaning_of(const Event& event) {
    const bool ended = (event.flags & EV_EOF) != 0;
    // The connection's error, unless what was asked comes back with it.
    const bool failed = ended && (event.fflags & ~static_cast<decltype(event.fflags)>(NOTE_LOWAT)) != 0;
    int meaning = failed ? events::failed | events::hung_up : 0;
    if (event.filter == EVFILT_WRITE) {
        meaning |= events::writable;
        // There it means that nothing can be sent any more.
        if (ended) meaning |= events::hung_up;
    } else {
        meaning |= events::readable;
        if (ended) meaning |= events::peer_ended;
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

int count(const std::vector<Event>& found) {
    return static_cast<int>(found.size());
}

// A queue that everything has been registered with, and what it refuses, such as the devices of some drivers: that is
// left to poll().
class Wait {
public:
    Wait(int queue, std::span<Poller::Entry> entries) : queue_(queue), entries_(entries) {}

    // Everything is registered anew in each wait: what is so already is told then, as poll() would.
    void register_all(std::vector<std::pair<int, short>>& registered) {
        std::vector<Event> changes;
        for (const auto& [descriptor, filter] : registered)
            changes.push_back(make_event(descriptor, filter, EV_DELETE));
        registered.clear();
        for (Poller::Entry& entry : entries_) {
            entry.happened = 0;
            append_registrations(entry.descriptor, entry.wanted, changes);
        }
        found_.resize(std::max<std::size_t>(changes.size(), 1));
        const timespec no_time{};
        if (!changes.empty() &&
            ::kevent(queue_, changes.data(), count(changes), found_.data(), count(found_), &no_time) < 0)
            throw Error::of_system("kevent", errno);
        for (std::size_t i = 0; i < changes.size(); ++i) take_receipt(found_[i], registered);
        refused_.push_back({queue_, POLLIN, 0});
    }

    bool wait_until(Deadline deadline) {
        const timespec no_time{};
        for (;;) {
            const timespec left = any_ ? no_time : left_until(deadline);
            const bool polls = refused_.size() > 1;
            if (polls) poll_refused(left);
            const timespec* time = polls ? &no_time : &left;
            const int told = ::kevent(queue_, nullptr, 0, found_.data(), count(found_), time);
            if (told < 0 && errno != EINTR) throw Error::of_system("kevent", errno);
            for (int i = 0; i < told; ++i) take(found_[static_cast<std::size_t>(i)]);
            if (any_) return true;
            if (told == 0 && Clock::now() >= deadline) return false;
        }
    }

private:
    Poller::Entry* entry_of(int descriptor) {
        const auto found = std::ranges::find(entries_, descriptor, &Poller::Entry::descriptor);
        return found == entries_.end() ? nullptr : &*found;
    }

    void take_receipt(const Event& receipt, std::vector<std::pair<int, short>>& registered) {
        if ((receipt.flags & EV_ERROR) == 0 || (receipt.flags & EV_DELETE) != 0) return;
        Poller::Entry* entry = entry_of(static_cast<int>(receipt.ident));
        if (entry == nullptr) return;
        if (receipt.data == 0) {
            registered.emplace_back(entry->descriptor, receipt.filter);
        } else if (receipt.data == EBADF) {
            happened(*entry, events::closed);
        } else {
            refused_.push_back({entry->descriptor, entry->wanted, 0});
        }
    }

    void take(const Event& event) {
        Poller::Entry* entry = entry_of(static_cast<int>(event.ident));
        if (entry != nullptr) happened(*entry, meaning_of(event) & (entry->wanted | always_reported));
    }

    void poll_refused(const timespec& left) {
        const int milliseconds = static_cast<int>(left.tv_sec * 1000 + (left.tv_nsec + 999'999) / 1'000'000);
        const int ready = ::poll(refused_.data(), static_cast<nfds_t>(refused_.size()), milliseconds);
        if (ready < 0 && errno != EINTR) throw Error::of_system("poll", errno);
        for (const pollfd& one : refused_) {
            if (ready > 0 && one.revents != 0 && one.fd != queue_) happened(*entry_of(one.fd), one.revents);
        }
    }

    void happened(Poller::Entry& entry, int what) {
        entry.happened = static_cast<short>(entry.happened | what);
        any_ = any_ || what != 0;
    }

    const int queue_;
    const std::span<Poller::Entry> entries_;
    std::vector<Event> found_;
    std::vector<pollfd> refused_;
    bool any_ = false;
};

} // namespace

bool Poller::wait(Deadline deadline) {
    if (!queue_.is_open()) {
        queue_ = Descriptor(::kqueue());
        if (!queue_.is_open()) throw Error::of_system("kqueue", errno);
        (void)::fcntl(queue_.get(), F_SETFD, FD_CLOEXEC);
    }
    Wait wait(queue_.get(), entries_);
    wait.register_all(registered_);
    return wait.wait_until(deadline);
}

} // namespace nc
