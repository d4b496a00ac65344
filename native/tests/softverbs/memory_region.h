// Protection domains and the memory that is registered in them.
#pragma once

#include <infiniband/verbs.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "softverbs/device.h"

namespace nc::softverbs {

struct ProtectionDomain : ibv_pd {
    explicit ProtectionDomain(Context& context) : ibv_pd{&context, 0} {}
    Context& owner() const { return static_cast<Context&>(*context); }

    // Guarded by the fabric's lock.
    int users = 0;
};

struct MemoryRegion : ibv_mr {
    ProtectionDomain& owner() const { return static_cast<ProtectionDomain&>(*pd); }

    int access_flags = 0;
    // Guarded by the fabric's lock: copies from or to it that are going on now. It cannot go away before they end.
    int copies = 0;
    // It is being deregistered: no new copies.
    bool leaving = false;
};

// A work request's gather or scatter list.
struct Pieces {
    std::array<ibv_sge, max_sge> pieces{};
    int count = 0;

    std::uint64_t length() const;
};

// All regions of the process. Guarded by the fabric's lock.
class MemoryRegions {
public:
    void add(MemoryRegion& region);
    void remove(MemoryRegion& region) { regions_.erase(region.lkey); }
    // Null for a key that is none, or no longer one.
    MemoryRegion* find(std::uint32_t lkey) const;
    // What is wrong with the list, if anything is.
    std::optional<std::string> check(const Pieces& pieces, const ibv_pd* pd, bool written) const;
    // Before and after a copy.
    void hold(const Pieces& pieces, int change);

private:
    std::unordered_map<std::uint32_t, MemoryRegion*> regions_;
    std::uint32_t next_ = 1;
};

} // namespace nc::softverbs
