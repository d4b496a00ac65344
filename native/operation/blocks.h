// How data is cut: stretches, pieces of equal length, and one block per rank.
#pragma once

#include <cstddef>
#include <cstdint>

#include "operation/operation_in_progress.h"

namespace nc {

// A stretch of elements or bytes.
struct Range {
    std::size_t begin;
    std::size_t size;
    std::size_t end() const { return begin + size; }
    bool operator==(const Range&) const = default;
};

constexpr std::size_t ceil_div(std::size_t a, std::size_t b) {
    return a / b + (a % b != 0 ? 1 : 0);
}

// a modulo n, never negative.
constexpr int wrap(int a, int n) {
    return ((a % n) + n) % n;
}

// Part k of total cut into pieces of equal length; the last ones may be short or empty.
Range piece(std::size_t total, std::size_t length, std::size_t k);

// Those pieces, as a function of their number.
inline auto pieces_of(std::size_t total, std::size_t length) {
    return [total, length](std::size_t k) { return piece(total, length, k); };
}

// Copies a rank's own block to where it belongs; there it may be already. to may be null: nobody wants it.
void copy_block(std::byte* to, const std::byte* from, std::size_t bytes);

// Blocks of a buffer, one per rank, in bytes.
class Blocks {
public:
    // All of that length.
    explicit Blocks(std::size_t each) : largest_(each) {}
    // Of so many elements each.
    Blocks(const std::uint64_t* lengths, int ranks, std::size_t item, Scratch& scratch);

    Range operator[](int rank) const {
        const auto i = static_cast<std::size_t>(rank);
        return blocks_ != nullptr ? blocks_[i] : Range{i * largest_, largest_};
    }
    std::size_t largest() const { return largest_; }

private:
    const Range* blocks_ = nullptr; // null: all have the same length
    std::size_t largest_ = 0;
};

// What an all-to-all moves: every rank's block for every other, and where those of this rank lie.
class BlockMatrix {
public:
    // lengths: in elements, of rank i's block for rank j in lengths[i * n + j].
    BlockMatrix(const OperationInProgress& operation, ScratchVector<std::uint64_t> lengths);

    // Bytes.
    std::size_t between(int from, int to) const { return lengths_[place(from, to)] * item_; }
    std::size_t largest() const { return largest_; }
    const Blocks& sent() const { return sent_; }
    const Blocks& received() const { return received_; }

private:
    std::size_t place(int from, int to) const {
        return static_cast<std::size_t>(from) * static_cast<std::size_t>(ranks_) + static_cast<std::size_t>(to);
    }
    ScratchVector<std::uint64_t> column(const OperationInProgress& operation) const;

    const int ranks_;
    const std::size_t item_;
    const ScratchVector<std::uint64_t> lengths_;
    const std::size_t largest_;
    const Blocks sent_;
    const Blocks received_;
};

} // namespace nc
