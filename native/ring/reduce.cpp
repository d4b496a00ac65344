// Reduce: partial results run along the ring to the root, starting at the rank behind it.
#include "ring/operation.h"

namespace nc::ring {

void reduce(Operation& operation) {
    operation.announce();
    const Rounds rounds(operation.bytes(), 1, 2 * operation.sockets, operation.item);
    move_in_rounds(operation, rounds, [&](const Share& share) {
        Lane& lane = operation.reducing_lane(share.socket(), share.direction());
        const Range part = share.of({0, operation.bytes()});
        const std::byte* own = operation.input() + part.begin;
        if (operation.is_root()) {
            lane.reduce(operation.output() + part.begin, own, part.size);
        } else if (operation.behind(share.direction(), 1) == operation.request.peer) {
            lane.send(own, part.size);
        } else {
            lane.pass(operation.scratch().take(part.size), own, part.size);
        }
    });
}

} // namespace nc::ring
