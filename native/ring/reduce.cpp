// Reduce: partial results run along the ring to the root, starting at the rank behind it.
#include "backend/average.h"
#include "ring/operation.h"

namespace nc::ring {

void reduce(Operation& operation) {
    const int root = operation.request.peer;
    const Rounds rounds(operation.bytes(), 1, 2 * operation.sockets, operation.item);
    operation.announce();
    move_in_rounds(operation, rounds, [&](const Share& share) {
        Lane& lane = operation.reducing_lane(share.socket(), share.direction());
        const Range part = share.of({0, operation.bytes()});
        const std::byte* own = operation.input() + part.begin;
        if (operation.rank == root) {
            lane.reduce(operation.output() + part.begin, own, part.size);
        } else if (operation.behind(share.direction(), 1) == root) {
            lane.send(own, part.size);
        } else {
            lane.forward(lane.reduce(operation.transit().take(part.size), own, part.size));
        }
    });
    if (operation.rank == root && operation.request.reduce_op == NC_AVERAGE) {
        divide(operation.request.data_type, operation.output(), operation.request.count, operation.size);
    }
}

} // namespace nc::ring
