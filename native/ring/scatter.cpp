// Scatter: the root sends the blocks along the ring, the farthest rank's first; each rank passes on all but the last, which is its own.
#include <cstring>

#include "ring/operation.h"

namespace nc::ring {

void scatter(Operation& operation) {
    const int root = operation.request.peer;
    const Blocks blocks = blocks_of(operation);
    const Rounds rounds(blocks.largest(), operation.size, 2 * operation.sockets, operation.item);
    for (std::size_t round = 0; round < rounds.count(); ++round) {
        for (std::size_t i = 0; i < rounds.lanes(); ++i) {
            const Direction direction = slice_direction(i);
            Lane& lane = operation.lane(slice_socket(i), direction);
            // The ranks from here on, the way data travels, as far as the one before the root.
            const int beyond = wrap((operation.rank - root) * step(direction), operation.size);
            for (int hops = (operation.rank == root ? operation.size : beyond) - 1; hops >= 1; --hops) {
                const Range block = blocks[operation.ahead(direction, hops)];
                const Range part = rounds.part(block.size, round, i);
                if (operation.rank == root) {
                    lane.send(operation.input() + block.begin + part.begin, part.size);
                } else {
                    lane.forward(lane.receive(operation.transit().take(part.size), part.size));
                }
            }
            if (operation.rank != root) {
                const Range own = rounds.part(blocks[operation.rank].size, round, i);
                lane.receive(operation.output() + own.begin, own.size);
            }
        }
        operation.move();
        operation.transit().clear();
    }
    if (operation.rank != root || operation.bytes() == 0) return;
    const std::byte* own = operation.input() + blocks[root].begin;
    if (own != operation.output()) std::memcpy(operation.output(), own, operation.bytes());
}

}  // namespace nc::ring
