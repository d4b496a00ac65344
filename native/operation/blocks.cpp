#include "operation/blocks.h"

#include <algorithm>

namespace nc {

Range piece(std::size_t total, std::size_t length, std::size_t k) {
    // k * length may be beyond what fits: such a piece is empty.
    if (length == 0 || k >= ceil_div(total, length)) return {total, 0};
    const std::size_t begin = k * length;
    return {begin, std::min(length, total - begin)};
}

Blocks::Blocks(int ranks, std::size_t each) : largest_(each) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(ranks); ++i) blocks_.push_back({i * each, each});
}

Blocks::Blocks(const std::uint64_t* lengths, int ranks, std::size_t item) {
    std::size_t begin = 0;
    for (int i = 0; i < ranks; ++i) {
        const std::size_t bytes = lengths[i] * item;
        blocks_.push_back({begin, bytes});
        begin += bytes;
        largest_ = std::max(largest_, bytes);
    }
}

} // namespace nc
