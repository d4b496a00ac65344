#include "nccl/shape.h"

#include <algorithm>

#include "operation/traits.h"

namespace nc::nccl {
namespace {

// One block for each rank; counts is null if all have the same.
void add_blocks_of_ranks(ScratchVector<Block>& blocks, const std::uint64_t* counts, std::uint64_t count, int size,
                         std::size_t factor) {
    blocks.reserve(static_cast<std::size_t>(size));
    std::size_t offset = 0;
    for (int rank = 0; rank < size; ++rank) {
        const std::size_t own = (counts != nullptr ? counts[rank] : count) * factor;
        blocks.push_back({offset, own});
        offset += own;
    }
}

void cut(ScratchVector<Block>& blocks, std::size_t first, std::size_t most) {
    for (Block& block : blocks) {
        const std::size_t skipped = std::min(first, block.count);
        block = {block.offset + skipped, std::min(most, block.count - skipped)};
    }
}

void pack(ScratchVector<Block>& blocks) {
    std::size_t offset = 0;
    for (Block& block : blocks) {
        block.offset = offset;
        offset += block.count;
    }
}

} // namespace

std::size_t Shape::longest() const {
    std::size_t most = 0;
    for (const Block& block : send) most = std::max(most, block.count);
    for (const Block& block : receive) most = std::max(most, block.count);
    return most;
}

Shape Shape::part(std::size_t first, std::size_t most) const {
    Shape part = *this;
    cut(part.send, first, most);
    cut(part.receive, first, most);
    return part;
}

Shape Shape::packed() const {
    Shape dense = *this;
    pack(dense.send);
    pack(dense.receive);
    return dense;
}

std::size_t extent(std::span<const Block> blocks) {
    return blocks.empty() ? 0 : blocks.back().offset + blocks.back().count;
}

Shape shape_of(const nc_request& request, int rank, int size, Scratch& scratch) {
    Shape shape(scratch);
    shape.operation = request.operation;
    shape.root = request.peer;
    shape.even = (request.flags & NC_REQUEST_UNEVEN) == 0;
    const Traits& traits = traits_of(request.operation);
    shape.mapping = traits.reduces ? map_reduced(request.data_type, request.reduce_op) : map_moved(request.data_type);
    // The average of one is what it is of; releases of NCCL have made mistakes there.
    if (size == 1 && shape.mapping.reduction == Reduction::Average) shape.mapping.reduction = Reduction::Sum;
    const std::size_t factor = shape.mapping.factor;
    const auto add = [&](ScratchVector<Block>& blocks, Holds side, const std::uint64_t* counts) {
        if (side == Holds::Own) blocks.push_back({0, request.count * factor});
        if (side == Holds::Blocks)
            add_blocks_of_ranks(blocks, shape.even ? nullptr : counts, request.count, size, factor);
    };
    const Sides& sides = traits.sides(rank, request.peer);
    add(shape.send, sides.send, request.send_counts);
    add(shape.receive, sides.receive, request.receive_counts);
    // At the root of a broadcast the receive buffer may be missing or be the send buffer; a third way is a copy.
    if (request.operation == NC_BROADCAST && rank == request.peer && request.receive_buffer != nullptr &&
        request.receive_buffer != request.send_buffer)
        shape.receive = shape.send;
    return shape;
}

} // namespace nc::nccl
