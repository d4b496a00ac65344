// Broadcast: the root's data runs along the ring, in both directions at once if there is enough of it; each rank passes
// on what arrives while it arrives.
#include "ring/operation.h"

namespace nc::ring {

void broadcast(Operation& operation) {
    const std::size_t bytes = operation.bytes();
    const std::size_t lanes = lanes_for(bytes, 2 * operation.sockets);
    operation.announce();
    for (std::size_t i = 0; i < lanes; ++i) {
        const Direction direction = slice_direction(i);
        Lane& lane = operation.lane(slice_socket(i), direction);
        const std::size_t elements = operation.request.count;
        const Range part = piece(elements, ceil_div(elements, lanes), i);
        const std::size_t begin = part.begin * operation.item;
        const std::size_t length = part.size * operation.item;
        if (operation.is_root()) {
            lane.send(operation.input() + begin, length);
            continue;
        }
        const std::size_t arrived = lane.receive(operation.output() + begin, length);
        if (operation.ahead(direction, 1) != operation.request.peer) lane.forward(arrived);
    }
    operation.move();
    if (operation.is_root()) copy_block(operation.output(), operation.input(), bytes);
}

} // namespace nc::ring
