// The messages of several blocks' slices, one block behind the other.
#pragma once

#include <algorithm>
#include <vector>

#include "jaccl/ring/lanes.h"

namespace nc::jaccl::ring {

class MessageList {
public:
    // Of that lane's slices, which must outlive the list.
    MessageList(const Slices& slices, std::size_t index) : slices_(&slices), index_(index) {}

    void add(Range block) {
        entries_.push_back({block, count_});
        count_ += slices_->messages(block.size);
    }
    std::size_t count() const { return count_; }

    // What the message holds, where the block lies.
    Range part(std::size_t message) const {
        // The last block that begins at or before the message; empty ones have none.
        const auto after = std::upper_bound(entries_.begin(), entries_.end(), message, [](std::size_t m, const Entry& entry) { return m < entry.first; });
        const Entry& entry = *(after - 1);
        const Range part = slices_->part(entry.block.size, index_, message - entry.first);
        return {entry.block.begin + part.begin, part.size};
    }

private:
    struct Entry {
        Range block;
        std::size_t first; // message
    };

    const Slices* slices_;
    std::size_t index_;
    std::vector<Entry> entries_;
    std::size_t count_ = 0;
};

} // namespace nc::jaccl::ring
