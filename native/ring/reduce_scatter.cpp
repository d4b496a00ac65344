// Reduce-scatter: block b starts at the rank after b, counted the way data travels, is combined with every rank's own
// on the way, and ends complete at rank b.
#include "ring/operation.h"

namespace nc::ring {

void reduce_scatter(Operation& operation) {
    const Blocks blocks = announced_blocks(operation);
    const Rounds rounds(blocks.largest(), operation.size, 2 * operation.sockets, operation.item);
    const int last = operation.size - 1;
    move_in_rounds(operation, rounds, [&](const Share& share) {
        Lane& lane = operation.reducing_lane(share.socket(), share.direction());
        const auto part = [&](int hops) { return share.of(blocks[operation.behind(share.direction(), hops + 1)]); };
        const Range first = part(0);
        lane.send(operation.input() + first.begin, first.size);
        std::byte* const transit = last > 1 ? operation.scratch().take(share.largest(blocks)) : nullptr;
        for (int hops = 1; hops < last; ++hops) {
            const Range range = part(hops);
            lane.pass(transit, operation.input() + range.begin, range.size);
        }
        const Range own = part(last);
        lane.reduce(operation.output() + (own.begin - blocks[operation.rank].begin), operation.input() + own.begin,
                    own.size);
    });
}

} // namespace nc::ring
