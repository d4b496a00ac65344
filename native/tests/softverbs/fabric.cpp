#include "softverbs/fabric.h"

#include <unistd.h>

#include <chrono>

namespace nc::softverbs {

Fabric& Fabric::instance() {
    static auto& fabric = *new Fabric;
    return fabric;
}

// Numbers begin anywhere, so that those of a process before us on the same place are not mistaken for ours.
Fabric::Fabric()
    : last_number_(static_cast<std::uint32_t>(Clock::now().time_since_epoch().count() / 1024 + ::getpid() * 97)) {}

int Fabric::enter() {
    const std::lock_guard lock(entering_);
    if (contexts_ == 0) {
        if (const int error = provider.start()) return error;
    }
    ++contexts_;
    return 0;
}

void Fabric::leave() {
    const std::lock_guard lock(entering_);
    if (--contexts_ == 0) provider.stop();
}

QueuePair* Fabric::find(std::uint32_t queue_pair_number) const {
    const auto found = queue_pairs.find(queue_pair_number);
    return found != queue_pairs.end() ? found->second : nullptr;
}

std::uint32_t Fabric::number_for(QueuePair& queue_pair) {
    constexpr std::uint32_t count_mask = (1U << queue_pair_bits) - 1;
    for (;;) {
        const std::uint32_t count = ++last_number_ & count_mask;
        const std::uint32_t number = static_cast<std::uint32_t>(provider.process()) << queue_pair_bits | count;
        // 0 and 1 have a meaning of their own.
        if (count > 1 && queue_pairs.emplace(number, &queue_pair).second) return number;
    }
}

} // namespace nc::softverbs
