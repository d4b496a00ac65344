#include "operation/composition.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "operation/blocks.h"
#include "operation/data_type.h"
#include "operation/reduction.h"
#include "operation/traits.h"

namespace nc {
namespace {

// What is held of all ranks' data at once takes at most about this much memory.
constexpr std::size_t largest_composed = std::size_t{8} << 20;
// Up to so many bytes from each rank, everybody gets everything, and does all the work: one step instead of two.
constexpr std::size_t largest_gathered = 32 * 1024;

class Composition {
public:
    Composition(const nc_request& request, int rank, int ranks, Scratch& scratch,
                FunctionRef<void(const nc_request& part)> move)
        : request_(request),
          rank_(static_cast<std::size_t>(rank)),
          ranks_(static_cast<std::size_t>(ranks)),
          item_(data_type_size(request.data_type)),
          scratch_(scratch),
          move_(move),
          input_(static_cast<const std::byte*>(request.send_buffer)),
          output_(static_cast<std::byte*>(request.receive_buffer)),
          combine_(combine_function(request.data_type, request.reduce_op, NanRule::Wins)) {}

    void run() {
        if (request_.operation == NC_REDUCE_SCATTER) return scatter();
        const std::size_t most = std::max<std::size_t>(largest_composed / (ranks_ * item_), 1);
        const Scratch::Mark mark = scratch_.mark();
        for (std::size_t k = 0; k < std::max<std::size_t>(ceil_div(request_.count, most), 1); ++k) {
            const Range part = piece(request_.count, most, k);
            if (request_.operation == NC_REDUCE) {
                reduce(part);
            } else if (part.size * item_ <= largest_gathered) {
                gather(part);
            } else {
                exchange(part);
            }
            scratch_.rewind(mark);
        }
    }

private:
    bool is_scan() const { return nc::is_scan(request_.operation); }

    // accumulated = accumulated op next
    void combine(std::byte* accumulated, const std::byte* next, std::size_t count) const {
        if (count == 0) return;
        if (combine_ != nullptr) return combine_(accumulated, accumulated, next, count);
        if (request_.combine(request_.combine_context, accumulated, next, count) != 0)
            throw Error(NC_FUNCTION_FAILED, text("the reduction's function failed on rank ", rank_));
    }

    // The first block becomes the combination of so many of them, which lie that far from each other.
    void fold(std::byte* blocks, std::size_t distance, std::size_t how_many, std::size_t count) const {
        for (std::size_t i = 1; i < how_many; ++i) combine(blocks, blocks + i * distance, count);
    }

    // Every block becomes the combination of those up to it, or for an exclusive scan, of those before it.
    void scan(std::byte* blocks, std::size_t distance, std::size_t count) const {
        const std::size_t bytes = count * item_;
        std::byte* const sum = scratch_.take(bytes);
        std::byte* const next = scratch_.take(bytes);
        if (bytes == 0) return;
        std::memcpy(sum, blocks, bytes);
        for (std::size_t i = 1; i < ranks_; ++i) {
            std::byte* const block = blocks + i * distance;
            std::memcpy(next, block, bytes);
            if (request_.operation == NC_EXCLUSIVE_SCAN) std::memcpy(block, sum, bytes);
            combine(sum, next, count);
            if (request_.operation == NC_SCAN) std::memcpy(block, sum, bytes);
        }
    }

    void move(nc_operation operation, const std::byte* send, std::byte* receive, std::size_t count) const {
        nc_request part = request_;
        part.operation = operation;
        part.reduce_op = NC_SUM;
        part.flags = 0;
        part.count = count;
        part.send_buffer = send;
        part.receive_buffer = receive;
        part.send_counts = nullptr;
        part.receive_counts = nullptr;
        const Scratch::Mark mark = scratch_.mark();
        move_(part);
        scratch_.rewind(mark);
    }

    const std::byte* in(Range part) const { return input_ + part.begin * item_; }

    void put_out(Range part, const std::byte* result) const {
        const bool gets_nothing = request_.operation == NC_EXCLUSIVE_SCAN && rank_ == 0;
        if (part.size > 0 && !gets_nothing) std::memcpy(output_ + part.begin * item_, result, part.size * item_);
    }

    // What this rank takes from the gathered blocks of all.
    const std::byte* result_of(std::byte* all, std::size_t bytes, std::size_t count) const {
        if (request_.operation == NC_EXCLUSIVE_SCAN) {
            if (rank_ > 0) fold(all, bytes, rank_, count);
        } else {
            fold(all, bytes, is_scan() ? rank_ + 1 : ranks_, count);
        }
        return all;
    }

    void gather(Range part) const {
        const std::size_t bytes = part.size * item_;
        std::byte* const all = scratch_.take(ranks_ * bytes);
        move(NC_ALL_GATHER, in(part), all, part.size);
        put_out(part, result_of(all, bytes, part.size));
    }

    void reduce(Range part) const {
        const bool is_root = static_cast<std::size_t>(request_.peer) == rank_;
        const std::size_t bytes = part.size * item_;
        std::byte* const all = is_root ? scratch_.take(ranks_ * bytes) : nullptr;
        move(NC_GATHER, in(part), all, part.size);
        if (is_root) put_out(part, result_of(all, bytes, part.size));
    }

    // Every rank combines one block of everybody's, and passes the results on.
    void exchange(Range part) const {
        const std::size_t length = ceil_div(part.size, ranks_);
        const std::size_t bytes = length * item_;
        std::byte* const mine = scratch_.take(ranks_ * bytes);
        std::byte* const all = scratch_.take(ranks_ * bytes);
        std::memcpy(all, in(part), part.size * item_);
        std::memset(all + part.size * item_, 0, ranks_ * bytes - part.size * item_);
        move(NC_ALL_TO_ALL, all, mine, length);
        const std::size_t own = piece(part.size, length, rank_).size;
        if (is_scan()) {
            scan(mine, bytes, own);
            move(NC_ALL_TO_ALL, mine, all, length);
        } else {
            fold(mine, bytes, ranks_, own);
            move(NC_ALL_GATHER, mine, all, length);
        }
        put_out(part, all);
    }

    void scatter() const {
        const bool is_uneven = (request_.flags & NC_REQUEST_UNEVEN) != 0;
        ScratchVector<std::uint64_t> lengths(ranks_, request_.count, scratch_);
        if (is_uneven) std::copy_n(request_.send_counts, ranks_, lengths.begin());
        const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
        const std::size_t most = std::max<std::size_t>(largest_composed / (ranks_ * item_), 1);
        const Scratch::Mark mark = scratch_.mark();
        for (std::size_t k = 0; k < ceil_div(longest, most); ++k) {
            const std::size_t length = std::min(longest, most);
            const std::size_t bytes = length * item_;
            std::byte* const leaving = scratch_.take(ranks_ * bytes);
            std::byte* const mine = scratch_.take(ranks_ * bytes);
            std::memset(leaving, 0, ranks_ * bytes);
            std::size_t begin = 0; // of the block in the input
            for (std::size_t i = 0; i < ranks_; ++i) {
                const Range range = piece(lengths[i], most, k);
                if (range.size > 0)
                    std::memcpy(leaving + i * bytes, input_ + (begin + range.begin) * item_, range.size * item_);
                begin += lengths[i];
            }
            move(NC_ALL_TO_ALL, leaving, mine, length);
            const Range own = piece(lengths[rank_], most, k);
            fold(mine, bytes, ranks_, own.size);
            put_out(own, mine);
            scratch_.rewind(mark);
        }
    }

    const nc_request& request_;
    const std::size_t rank_;
    const std::size_t ranks_;
    const std::size_t item_; // bytes
    Scratch& scratch_;
    const FunctionRef<void(const nc_request& part)> move_;
    const std::byte* const input_;
    std::byte* const output_;
    const Combine combine_; // null: the caller's
};

} // namespace

bool is_composed(const nc_request& request) {
    return is_scan(request.operation) || (traits_of(request.operation).reduces && request.reduce_op == NC_CUSTOM);
}

void compose(const nc_request& request, int rank, int ranks, Scratch& scratch,
             FunctionRef<void(const nc_request& part)> move) {
    Composition(request, rank, ranks, scratch, move).run();
}

} // namespace nc
