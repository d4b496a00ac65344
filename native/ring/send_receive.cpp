// Send and receive between neighbours. Source: mlx-ring-wire.md, section 7.
#include "ring/operation.h"

namespace nc::ring {
namespace {

[[noreturn]] void not_a_neighbour(const Operation& operation) {
    throw Error(NC_NOT_SUPPORTED,
                text("the ring sends and receives only between neighbours: rank ", operation.rank, " of ",
                     operation.size, " has ranks ", wrap(operation.rank - 1, operation.size), " and ",
                     wrap(operation.rank + 1, operation.size), ", but the peer is rank ", operation.request.peer))
        .still_in_step();
}

} // namespace

// In a group of two both neighbours are the same rank: a send goes over the connections that this rank opened, a
// receive over those that it accepted.
void send(Operation& operation) {
    const bool to_right = operation.request.peer == wrap(operation.rank + 1, operation.size);
    if (!to_right && operation.request.peer != wrap(operation.rank - 1, operation.size)) not_a_neighbour(operation);
    for (int socket = 0; socket < operation.sockets; ++socket) {
        const Range range = message_piece(operation.bytes(), operation.sockets, socket);
        if (range.size == 0) continue;
        Link& link = to_right ? operation.ring().right(socket) : operation.ring().left(socket);
        operation.lane(link, link).send(operation.input() + range.begin, range.size);
    }
    // Ranks that all send before they receive would otherwise wait for each other once the kernel's buffers are full.
    operation.move(operation.ring().links());
}

void receive(Operation& operation) {
    const bool from_left = operation.request.peer == wrap(operation.rank - 1, operation.size);
    if (!from_left && operation.request.peer != wrap(operation.rank + 1, operation.size)) not_a_neighbour(operation);
    for (int socket = 0; socket < operation.sockets; ++socket) {
        const Range range = message_piece(operation.bytes(), operation.sockets, socket);
        if (range.size == 0) continue;
        Link& link = from_left ? operation.ring().left(socket) : operation.ring().right(socket);
        operation.lane(link, link).receive(operation.output() + range.begin, range.size);
    }
    operation.move();
}

} // namespace nc::ring
