// Gather: every rank sends its block towards the root, then passes on the blocks of the ranks behind it, nearest first.
#include <cstring>

#include "ring/operation.h"

namespace nc::ring {

void gather(Operation& operation) {
    const int root = operation.request.peer;
    const Blocks blocks = blocks_of(operation);
    const Rounds rounds(blocks.largest(), operation.size, 2 * operation.sockets, operation.item);
    for (std::size_t round = 0; round < rounds.count(); ++round) {
        for (std::size_t i = 0; i < rounds.lanes(); ++i) {
            const Direction direction = slice_direction(i);
            Lane& lane = operation.lane(slice_socket(i), direction);
            if (operation.rank != root) {
                const Range own = rounds.part(blocks[operation.rank].size, round, i);
                lane.send(operation.input() + own.begin, own.size);
            }
            for (int hops = 1; operation.behind(direction, hops) != root && hops < operation.size; ++hops) {
                const Range block = blocks[operation.behind(direction, hops)];
                const Range part = rounds.part(block.size, round, i);
                if (operation.rank == root) {
                    lane.receive(operation.output() + block.begin + part.begin, part.size);
                } else {
                    lane.forward(lane.receive(operation.transit().take(part.size), part.size));
                }
            }
        }
        operation.move();
        operation.transit().clear();
    }
    if (operation.rank != root || operation.bytes() == 0) return;
    std::byte* own = operation.output() + blocks[root].begin;
    if (own != operation.input()) std::memcpy(own, operation.input(), operation.bytes());
}

}  // namespace nc::ring
