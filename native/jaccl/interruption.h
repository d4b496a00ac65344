// How other threads end what a rank waits for.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <set>

#include "base/error.h"
#include "os/poller.h"
#include "os/wakeup.h"

namespace nc::jaccl {

class Interruption {
public:
    // What runs is to end with NC_ABORTED.
    void abort() {
        aborted_.store(true);
        ended_.store(true);
        signal_.raise();
    }
    bool aborted() const { return aborted_.load(std::memory_order_relaxed); }
    // Whether what runs is to end, for whatever reason.
    bool ended() const { return ended_.load(); }

    // What runs is to end with this error; the first one stays.
    void lose(const Error& error) {
        {
            const std::lock_guard lock(mutex_);
            if (!loss_.has_value()) loss_ = error;
        }
        ended_.store(true);
        signal_.raise();
    }

    // The peer has left in order: what it sent still counts, but nothing more is to come.
    void depart(int peer) {
        const std::lock_guard lock(mutex_);
        departed_.insert(peer);
        any_departed_.store(true);
    }
    bool any_departed() const { return any_departed_.load(std::memory_order_relaxed); }
    bool departed(int peer) const {
        const std::lock_guard lock(mutex_);
        return departed_.contains(peer);
    }

    // The peer whose loss ends what runs; -1: none, or nobody knows which.
    int lost_peer() const {
        const std::lock_guard lock(mutex_);
        return loss_.has_value() ? loss_->peer : -1;
    }

    void throw_if_ended() const {
        if (!ended_.load(std::memory_order_relaxed)) return;
        const std::lock_guard lock(mutex_);
        if (loss_.has_value()) throw *loss_;
        throw Error(NC_ABORTED, "the operation was interrupted");
    }

    // Becomes readable, for good, when what runs is to end. A departure is no end: who waits for that peer looks from
    // time to time.
    int descriptor() const { return signal_.descriptor(); }

private:
    Wakeup signal_;
    std::atomic<bool> ended_{false};
    std::atomic<bool> aborted_{false};
    std::atomic<bool> any_departed_{false};
    mutable std::mutex mutex_;
    std::optional<Error> loss_;
    std::set<int> departed_;
};

} // namespace nc::jaccl
