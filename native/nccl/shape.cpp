#include "nccl/shape.h"

#include <algorithm>

namespace nc::nccl {
namespace {

bool reduces(nc_operation operation) {
    return operation == NC_ALL_REDUCE || operation == NC_REDUCE_SCATTER || operation == NC_REDUCE;
}

// One block for each rank; counts is null if all have the same.
std::vector<Block> blocks_of_ranks(const std::uint64_t* counts, std::uint64_t count, int size, std::size_t factor) {
    std::vector<Block> blocks;
    blocks.reserve(static_cast<std::size_t>(size));
    std::size_t offset = 0;
    for (int rank = 0; rank < size; ++rank) {
        const std::size_t own = (counts != nullptr ? counts[rank] : count) * factor;
        blocks.push_back({offset, own});
        offset += own;
    }
    return blocks;
}

std::vector<Block> cut(const std::vector<Block>& blocks, std::size_t first, std::size_t most) {
    std::vector<Block> parts;
    parts.reserve(blocks.size());
    for (const Block& block : blocks) {
        const std::size_t skipped = std::min(first, block.count);
        parts.push_back({block.offset + skipped, std::min(most, block.count - skipped)});
    }
    return parts;
}

void pack(std::vector<Block>& blocks) {
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
    part.send = cut(send, first, most);
    part.receive = cut(receive, first, most);
    return part;
}

Shape Shape::packed() const {
    Shape dense = *this;
    pack(dense.send);
    pack(dense.receive);
    return dense;
}

std::size_t extent(const std::vector<Block>& blocks) {
    return blocks.empty() ? 0 : blocks.back().offset + blocks.back().count;
}

Shape shape_of(const nc_request& request, int rank, int size) {
    Shape shape;
    shape.operation = request.operation;
    shape.root = request.peer;
    shape.even = (request.flags & NC_REQUEST_UNEVEN) == 0;
    shape.mapping =
        reduces(request.operation) ? map_reduced(request.data_type, request.reduce_op) : map_moved(request.data_type);
    // The average of one is what it is of; releases of NCCL have made mistakes there.
    if (size == 1 && shape.mapping.reduction == Reduction::Average) shape.mapping.reduction = Reduction::Sum;
    const std::size_t factor = shape.mapping.factor;
    const bool root = rank == request.peer;
    const std::vector<Block> own{{0, request.count * factor}};
    const auto sent = [&] {
        return blocks_of_ranks(shape.even ? nullptr : request.send_counts, request.count, size, factor);
    };
    const auto received = [&] {
        return blocks_of_ranks(shape.even ? nullptr : request.receive_counts, request.count, size, factor);
    };
    switch (request.operation) {
        case NC_ALL_REDUCE:
            shape.send = own;
            shape.receive = own;
            break;
        case NC_ALL_GATHER:
            shape.send = own;
            shape.receive = received();
            break;
        case NC_REDUCE_SCATTER:
            shape.send = sent();
            shape.receive = own;
            break;
        case NC_BROADCAST:
            // At the root the receive buffer may be missing or be the send buffer; a third way is a copy.
            if (root) shape.send = own;
            if (!root || (request.receive_buffer != nullptr && request.receive_buffer != request.send_buffer))
                shape.receive = own;
            break;
        case NC_REDUCE:
            shape.send = own;
            if (root) shape.receive = own;
            break;
        case NC_GATHER:
            shape.send = own;
            if (root) shape.receive = received();
            break;
        case NC_SCATTER:
            if (root) shape.send = sent();
            shape.receive = own;
            break;
        case NC_ALL_TO_ALL:
            shape.send = sent();
            shape.receive = received();
            break;
        case NC_SEND:
            shape.send = own;
            break;
        case NC_RECEIVE:
            shape.receive = own;
            break;
        default:
            break;
    }
    return shape;
}

} // namespace nc::nccl
