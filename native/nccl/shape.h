// Which elements of a rank's buffers an operation is about: blocks, and the pieces that they are cut into on their way
// through staging memory.
#pragma once

#include <span>

#include "native_collectives.h"
#include "nccl/element_mapping.h"
#include "operation/scratch.h"

namespace nc::nccl {

// In elements of NCCL's; offsets from the beginning of a buffer.
struct Block {
    std::size_t offset;
    std::size_t count;
};

// The buffers of one rank: a side that it does not use has no blocks; one that has a block for each rank has them in
// rank order.
struct Shape {
    explicit Shape(Scratch& scratch) : send(scratch), receive(scratch) {}

    nc_operation operation = NC_OPERATION_NONE;
    int root = -1; // or the other rank of a send or receive
    bool even = true;
    Mapping mapping{};
    ScratchVector<Block> send;
    ScratchVector<Block> receive;

    // Of the longest block.
    std::size_t longest() const;
    // Where the blocks are noted.
    Scratch& scratch() const { return *send.get_allocator().scratch; }
    // The same operation on elements [first, first + most) of every block; offsets are what they were.
    Shape part(std::size_t first, std::size_t most) const;
    // The same blocks, moved together: each begins where the one before ends.
    Shape packed() const;
};

// Elements from the beginning of the first block to the end of the last.
std::size_t extent(std::span<const Block> blocks);

// Throws Error(NC_NOT_SUPPORTED) if NCCL cannot do it with these elements.
Shape shape_of(const nc_request& request, int rank, int size, Scratch& scratch);

} // namespace nc::nccl
