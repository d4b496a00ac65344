// How other threads end what a group's operation waits for.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "base/error.h"
#include "os/wakeup.h"

namespace nc {

constexpr const char* interruption_text = "the operation was interrupted";

class Interruption {
public:
    // What runs is to end with NC_ABORTED. Whether nobody had asked for that before.
    bool abort() {
        const bool is_first = !aborted_.exchange(true);
        ended_.store(true);
        signal_.raise();
        return is_first;
    }
    bool aborted() const { return aborted_.load(std::memory_order_relaxed); }

    // A peer is lost: what runs is to end with this error, which is made when it is thrown. The first one stays.
    void lose(std::function<Error()> error) {
        {
            const std::lock_guard lock(mutex_);
            if (!loss_) loss_ = std::move(error);
        }
        lost_.store(true, std::memory_order_release);
        ended_.store(true);
        signal_.raise();
    }
    void lose(const Error& error) {
        lose([error] { return error; });
    }
    // The peer whose loss ends what runs; -1: none, or nobody knows which.
    int lost_peer() const {
        const std::lock_guard lock(mutex_);
        return loss_ ? loss_().peer : -1;
    }

    // Whether what runs is to end, for whatever reason.
    bool ended() const { return ended_.load(); }

    void throw_if_aborted() const {
        if (aborted()) throw Error(NC_ABORTED, interruption_text);
    }
    void throw_if_lost() const {
        if (!lost_.load(std::memory_order_acquire)) return;
        const std::lock_guard lock(mutex_);
        throw loss_();
    }
    // A loss comes first: it may be why the group was aborted.
    void throw_if_ended() const {
        throw_if_lost();
        throw_if_aborted();
    }

    // Becomes readable, for good, when what runs is to end.
    int descriptor() const { return signal_.descriptor(); }

private:
    Wakeup signal_;
    std::atomic<bool> ended_{false};
    std::atomic<bool> aborted_{false};
    std::atomic<bool> lost_{false};
    mutable std::mutex mutex_;
    std::function<Error()> loss_;
};

} // namespace nc
