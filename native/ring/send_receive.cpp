// Send and receive between neighbours. Source: mlx-ring-wire.md, section 7.
#include "ring/operation.h"

namespace nc::ring {
namespace {

bool is_right(int peer, int rank, int size) {
    return peer == wrap(rank + 1, size);
}
bool is_left(int peer, int rank, int size) {
    return peer == wrap(rank - 1, size);
}

} // namespace

void require_supported(const nc_request& request, int rank, int size) {
    if (!traits_of(request.operation).is_to_peer) return;
    if (is_right(request.peer, rank, size) || is_left(request.peer, rank, size)) return;
    throw Error(NC_NOT_SUPPORTED,
                text("the ring sends and receives only between neighbours: rank ", rank, " of ", size, " has ranks ",
                     wrap(rank - 1, size), " and ", wrap(rank + 1, size), ", but the peer is rank ", request.peer,
                     "; an all-to-all reaches every rank, and so does a mesh"))
        .still_in_step();
}

// In a group of two both neighbours are the same rank: a send goes over the connections that this rank opened, a
// receive over those that it accepted.
void add_message(Operation& operation, const nc_request& message) {
    const bool sends = message.operation == NC_SEND;
    const bool on_right = sends ? is_right(message.peer, operation.rank, operation.size)
                                : !is_left(message.peer, operation.rank, operation.size);
    const std::size_t bytes = message.count * data_type_size(message.data_type);
    for (int socket = 0; socket < operation.sockets; ++socket) {
        const Range range = message_piece(bytes, operation.sockets, socket);
        if (range.size == 0) continue;
        Link& link = on_right ? operation.ring().right(socket) : operation.ring().left(socket);
        Lane& lane = operation.message_lane(link);
        if (sends) {
            lane.send(static_cast<const std::byte*>(message.send_buffer) + range.begin, range.size);
        } else {
            lane.receive(static_cast<std::byte*>(message.receive_buffer) + range.begin, range.size);
        }
    }
}

void send(Operation& operation) {
    require_supported(operation.request, operation.rank, operation.size);
    add_message(operation, operation.request);
    // Ranks that all send before they receive would otherwise wait for each other once the kernel's buffers are full.
    operation.move(operation.ring().links());
}

void receive(Operation& operation) {
    require_supported(operation.request, operation.rank, operation.size);
    add_message(operation, operation.request);
    operation.move();
}

} // namespace nc::ring
