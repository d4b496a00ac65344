// Scatter: the root sends the blocks along the ring, the farthest rank's first; each rank passes on all but the last,
// which is its own.
#include "ring/operation.h"

namespace nc::ring {

void scatter(Operation& operation) {
    const int root = operation.request.peer;
    const bool is_root = operation.is_root();
    const Blocks blocks = announced_blocks(operation);
    const Rounds rounds(blocks.largest(), operation.size, 2 * operation.sockets, operation.item);
    move_in_rounds(operation, rounds, [&](const Share& share) {
        Lane& lane = operation.lane(share.socket(), share.direction());
        std::byte* const transit = is_root ? nullptr : operation.scratch().take(share.largest(blocks));
        // Ranks from here on, the way data travels, as far as the one before the root.
        const int beyond =
            is_root ? operation.size : wrap((operation.rank - root) * step(share.direction()), operation.size);
        for (int hops = beyond - 1; hops >= 1; --hops) {
            const Range part = share.of(blocks[operation.ahead(share.direction(), hops)]);
            if (is_root) {
                lane.send(operation.input() + part.begin, part.size);
            } else {
                lane.pass(transit, nullptr, part.size);
            }
        }
        if (!is_root) {
            const Range own = share.of({0, blocks[operation.rank].size});
            lane.receive(operation.output() + own.begin, own.size);
        }
    });
    if (is_root) copy_block(operation.output(), operation.input() + blocks[root].begin, operation.bytes());
}

} // namespace nc::ring
