// The peers that have left a group in order: what they sent still counts, but nothing more is to come. No departure
// ends an operation by itself: who waits for that peer looks from time to time.
#pragma once

#include <atomic>
#include <mutex>
#include <set>

namespace nc::jaccl {

class Departures {
public:
    // False if it was known.
    bool note(int peer) {
        const std::lock_guard lock(mutex_);
        any_.store(true);
        return peers_.insert(peer).second;
    }
    bool any() const { return any_.load(std::memory_order_relaxed); }
    bool has(int peer) const {
        const std::lock_guard lock(mutex_);
        return peers_.contains(peer);
    }

private:
    std::atomic<bool> any_{false};
    mutable std::mutex mutex_;
    std::set<int> peers_;
};

} // namespace nc::jaccl
