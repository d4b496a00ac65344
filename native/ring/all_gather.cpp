// All-gather: every rank's block goes around the ring. Source for equal blocks, which are prescribed to the byte:
// mlx-ring-wire.md, section 6. Blocks of different lengths, which MLX does not have, begin with an exchange of the
// lengths.
#include "ring/operation.h"

namespace nc::ring {
namespace {

void gather_slice(const Operation& operation, Lane& lane, Direction direction, const Blocks& blocks, std::size_t slice,
                  std::size_t slices) {
    const auto part = [&](int hops) {
        const Range block = blocks[operation.behind(direction, hops)];
        const Range range = piece(block.size, ceil_div(block.size, slices), slice);
        return Range{block.begin + range.begin, range.size};
    };
    const Range own = part(0);
    lane.send(operation.output() + own.begin, own.size);
    for (int hops = 1; hops < operation.size; ++hops) {
        const Range range = part(hops);
        const std::size_t arrived = lane.receive(operation.output() + range.begin, range.size);
        if (hops < operation.size - 1) lane.forward(arrived);
    }
}

} // namespace

void all_gather(Operation& operation) {
    const Blocks blocks = operation.is_uneven() ? announced_blocks(operation) : Blocks(operation.bytes());
    copy_block(operation.output() + blocks[operation.rank].begin, operation.input(), operation.bytes());
    const std::size_t slices = all_gather_slices(blocks.largest(), operation.sockets);
    for (std::size_t i = 0; i < slices; ++i) {
        const Direction direction = slice_direction(i);
        gather_slice(operation, operation.lane(slice_socket(i), direction), direction, blocks, i, slices);
    }
    operation.move();
}

} // namespace nc::ring
