// What this process has on the fabric.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "softverbs/memory_region.h"
#include "softverbs/provider.h"
#include "softverbs/queue_pair.h"

namespace nc::softverbs {

// A queue pair's number says whose it is: the upper bits are the process's number, the lower ones count.
constexpr std::uint32_t queue_pair_bits = 14;
constexpr std::uint32_t process_limit = 1U << (24 - queue_pair_bits);
constexpr int process_of(std::uint32_t queue_pair_number) {
    return static_cast<int>(queue_pair_number >> queue_pair_bits);
}

class Fabric {
public:
    static Fabric& instance();

    // The first context starts the provider, the last one stops it. 0, or an errno.
    int enter();
    void leave();

    // With the lock.
    QueuePair* find(std::uint32_t queue_pair_number) const;
    std::uint32_t number_for(QueuePair& queue_pair);

    // Guards everything here and what is said to be guarded by the fabric's lock. It is not held while data are copied.
    std::mutex mutex;
    // Told when a copy has ended.
    std::condition_variable quiet;
    MemoryRegions regions;
    Provider provider;
    std::unordered_map<std::uint32_t, QueuePair*> queue_pairs;
    std::uint64_t next_message = 1;
    std::uint64_t next_serial = 1;
    std::atomic<std::size_t> live_objects = 0;

private:
    Fabric();

    std::mutex entering_;
    int contexts_ = 0;
    std::uint32_t last_number_ = 0;
};

} // namespace nc::softverbs
