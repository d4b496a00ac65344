// Reduce-scatter: block b starts at the rank after b, counted the way data travels, is combined with every rank's own on the way, and ends complete at rank b.
#include "backend/average.h"
#include "ring/operation.h"

namespace nc::ring {

void reduce_scatter(Operation& operation) {
    const Blocks blocks = blocks_of(operation);
    const Rounds rounds(blocks.largest(), operation.size, 2 * operation.sockets, operation.item);
    const int last = operation.size - 1;
    for (std::size_t round = 0; round < rounds.count(); ++round) {
        for (std::size_t i = 0; i < rounds.lanes(); ++i) {
            const Direction direction = slice_direction(i);
            Lane& lane = operation.reducing_lane(slice_socket(i), direction);
            const auto part = [&](int hops) {
                const Range block = blocks[operation.behind(direction, hops + 1)];
                const Range range = rounds.part(block.size, round, i);
                return Range{block.begin + range.begin, range.size};
            };
            const Range first = part(0);
            lane.send(operation.input() + first.begin, first.size);
            for (int hops = 1; hops < last; ++hops) {
                const Range range = part(hops);
                lane.forward(lane.reduce(operation.transit().take(range.size), operation.input() + range.begin, range.size));
            }
            const Range own = part(last);
            lane.reduce(operation.output() + (own.begin - blocks[operation.rank].begin), operation.input() + own.begin, own.size);
        }
        operation.move();
        operation.transit().clear();
    }
    if (operation.request.reduce_op == NC_AVERAGE) divide(operation.request.data_type, operation.output(), operation.request.count, operation.size);
}

}  // namespace nc::ring
