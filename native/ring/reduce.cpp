// Reduce: partial results run along the ring to the root, starting at the rank behind it.
#include "backend/average.h"
#include "ring/operation.h"

namespace nc::ring {

void reduce(Operation& operation) {
    const int root = operation.request.peer;
    const Rounds rounds(operation.bytes(), 1, 2 * operation.sockets, operation.item);
    operation.announce();
    for (std::size_t round = 0; round < rounds.count(); ++round) {
        for (std::size_t i = 0; i < rounds.lanes(); ++i) {
            const Direction direction = slice_direction(i);
            Lane& lane = operation.reducing_lane(slice_socket(i), direction);
            const Range part = rounds.part(operation.bytes(), round, i);
            const std::byte* own = operation.input() + part.begin;
            if (operation.rank == root) {
                lane.reduce(operation.output() + part.begin, own, part.size);
            } else if (operation.behind(direction, 1) == root) {
                lane.send(own, part.size);
            } else {
                lane.forward(lane.reduce(operation.transit().take(part.size), own, part.size));
            }
        }
        operation.move();
        operation.transit().clear();
    }
    if (operation.rank == root && operation.request.reduce_op == NC_AVERAGE) {
        divide(operation.request.data_type, operation.output(), operation.request.count, operation.size);
    }
}

}  // namespace nc::ring
