// How other threads end what runs on a ring's connections.
#pragma once

#include <atomic>

#include "os/poller.h"
#include "os/wakeup.h"
#include "ring/link.h"

namespace nc::ring {

class Interruption {
public:
    // The operation is to end with NC_ABORTED.
    void abort() {
        aborted_.store(true);
        signal_.raise();
    }
    bool aborted() const { return aborted_.load(std::memory_order_relaxed); }

    // The connection gave way: the operation is to end, unless what has arrived is enough to complete it. system_error
    // is 0 if it can still be had from the connection.
    void break_link(const Link& link, int system_error) {
        broken_error_.store(system_error, std::memory_order_relaxed);
        broken_.store(&link, std::memory_order_release);
        signal_.raise();
    }

    void throw_if_aborted() const {
        if (aborted()) throw Error(NC_ABORTED, "the operation was interrupted");
    }
    void throw_if_broken() const {
        const Link* link = broken_.load(std::memory_order_acquire);
        if (link != nullptr) throw link->lost(broken_error_.load(std::memory_order_relaxed));
    }

    // Becomes readable, for good, with either.
    int descriptor() const { return signal_.descriptor(); }

private:
    Wakeup signal_;
    std::atomic<bool> aborted_{false};
    std::atomic<const Link*> broken_{nullptr};
    std::atomic<int> broken_error_{0};
};

} // namespace nc::ring
