// The messages of several blocks' slices, one block behind the other.
#pragma once

#include <algorithm>

#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {

class MessageList {
public:
    // Of that way's slices, which must outlive the list.
    MessageList(const Slices& slices, std::size_t index, Scratch& scratch)
        : slices_(&slices), index_(index), entries_(scratch) {}

    // Of a block that lies there.
    void add(Range block) { add_slice(block.begin + slices_->slice(block.size, index_).begin, block.size); }
    // Of a block of so many bytes, whose slice is kept there by itself.
    void add_slice(std::size_t begin, std::size_t block_bytes) {
        entries_.push_back({begin, block_bytes, count_});
        count_ += slices_->messages(block_bytes);
    }
    std::size_t count() const { return count_; }

    // Where what the message holds lies.
    Range operator()(std::size_t message) const { return part(message); }
    Range part(std::size_t message) const {
        // The last block that begins at or before the message; empty ones have none.
        const auto after = std::upper_bound(entries_.begin(), entries_.end(), message,
                                            [](std::size_t m, const Entry& entry) { return m < entry.first; });
        const Entry& entry = *(after - 1);
        const Range within = slices_->within_slice(entry.block_bytes, index_, message - entry.first);
        return {entry.begin + within.begin, within.size};
    }

private:
    struct Entry {
        std::size_t begin; // of the slice
        std::size_t block_bytes;
        std::size_t first; // message
    };

    const Slices* slices_;
    std::size_t index_;
    ScratchVector<Entry> entries_;
    std::size_t count_ = 0;
};

} // namespace nc::jaccl::ring
