#include "softverbs/memory_region.h"

namespace nc::softverbs {

std::uint64_t Pieces::length() const {
    std::uint64_t length = 0;
    for (int i = 0; i < count; ++i) length += pieces[static_cast<std::size_t>(i)].length;
    return length;
}

void MemoryRegions::add(MemoryRegion& region) {
    // No two regions ever have the same key, so that one that is gone is recognised.
    region.lkey = region.rkey = region.handle = 0x1000 + next_++ * 0x11;
    regions_.emplace(region.lkey, &region);
}

MemoryRegion* MemoryRegions::find(std::uint32_t lkey) const {
    const auto found = regions_.find(lkey);
    return found != regions_.end() ? found->second : nullptr;
}

std::optional<std::string> MemoryRegions::check(const Pieces& pieces, const ibv_pd* pd, bool written) const {
    for (int i = 0; i < pieces.count; ++i) {
        const ibv_sge& piece = pieces.pieces[static_cast<std::size_t>(i)];
        const MemoryRegion* region = find(piece.lkey);
        const std::string key = "lkey " + std::to_string(piece.lkey);
        if (region == nullptr || region->leaving) return key + " is no region's";
        if (region->pd != pd) return key + " is of another protection domain";
        if (written && (region->access_flags & IBV_ACCESS_LOCAL_WRITE) == 0)
            return key + " is of a region that must not be written";
        const auto begin = reinterpret_cast<std::uintptr_t>(region->addr);
        if (piece.addr < begin || piece.addr - begin > region->length ||
            piece.length > region->length - (piece.addr - begin))
            return "the range is outside the region of " + key;
    }
    return std::nullopt;
}

void MemoryRegions::hold(const Pieces& pieces, int change) {
    for (int i = 0; i < pieces.count; ++i) {
        if (MemoryRegion* region = find(pieces.pieces[static_cast<std::size_t>(i)].lkey)) region->copies += change;
    }
}

} // namespace nc::softverbs
