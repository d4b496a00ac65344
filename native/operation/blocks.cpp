#include "operation/blocks.h"

#include <algorithm>
#include <cstring>

namespace nc {

Range piece(std::size_t total, std::size_t length, std::size_t k) {
    // k * length may be beyond what fits: such a piece is empty.
    if (length == 0 || k >= ceil_div(total, length)) return {total, 0};
    const std::size_t begin = k * length;
    return {begin, std::min(length, total - begin)};
}

void copy_block(std::byte* to, const std::byte* from, std::size_t bytes) {
    if (to != nullptr && bytes > 0 && to != from) std::memcpy(to, from, bytes);
}

Blocks::Blocks(const std::uint64_t* lengths, int ranks, std::size_t item, Scratch& scratch) {
    auto* const blocks = reinterpret_cast<Range*>(scratch.take(static_cast<std::size_t>(ranks) * sizeof(Range)));
    blocks_ = blocks;
    std::size_t begin = 0;
    for (int i = 0; i < ranks; ++i) {
        const std::size_t bytes = lengths[i] * item;
        blocks[i] = {begin, bytes};
        begin += bytes;
        largest_ = std::max(largest_, bytes);
    }
}

BlockMatrix::BlockMatrix(const OperationInProgress& operation, ScratchVector<std::uint64_t> lengths)
    : ranks_(operation.size),
      item_(operation.item),
      lengths_(std::move(lengths)),
      largest_(*std::ranges::max_element(lengths_) * item_),
      sent_(&lengths_[place(operation.rank, 0)], ranks_, item_, operation.scratch()),
      received_(column(operation).data(), ranks_, item_, operation.scratch()) {}

ScratchVector<std::uint64_t> BlockMatrix::column(const OperationInProgress& operation) const {
    ScratchVector<std::uint64_t> lengths(operation.scratch());
    for (int peer = 0; peer < ranks_; ++peer) lengths.push_back(lengths_[place(peer, operation.rank)]);
    return lengths;
}

} // namespace nc
