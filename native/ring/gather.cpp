// Gather: every rank sends its block towards the root, then passes on the blocks of the ranks behind it, nearest first.
#include "ring/operation.h"

namespace nc::ring {

void gather(Operation& operation) {
    const int root = operation.request.peer;
    const bool is_root = operation.is_root();
    const Blocks blocks = announced_blocks(operation);
    const Rounds rounds(blocks.largest(), operation.size, 2 * operation.sockets, operation.item);
    move_in_rounds(operation, rounds, [&](const Share& share) {
        Lane& lane = operation.lane(share.socket(), share.direction());
        std::byte* const transit = is_root ? nullptr : operation.scratch().take(share.largest(blocks));
        if (!is_root) {
            const Range own = share.of({0, blocks[operation.rank].size});
            lane.send(operation.input() + own.begin, own.size);
        }
        for (int hops = 1; hops < operation.size && operation.behind(share.direction(), hops) != root; ++hops) {
            const Range part = share.of(blocks[operation.behind(share.direction(), hops)]);
            if (is_root) {
                lane.receive(operation.output() + part.begin, part.size);
            } else {
                lane.pass(transit, nullptr, part.size);
            }
        }
    });
    if (is_root) copy_block(operation.output() + blocks[root].begin, operation.input(), operation.bytes());
}

} // namespace nc::ring
