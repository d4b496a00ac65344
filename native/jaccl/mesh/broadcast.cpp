// Broadcast in a mesh: the root sends to all.
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void broadcast(const Operation& operation) {
    operation.announce();
    const std::size_t bytes = operation.bytes();
    const std::size_t frame = operation.frame(bytes);
    operation.exchange(frame, [&](Exchange& exchange) {
        if (!operation.is_root())
            return receive_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.output(),
                                 bytes);
        exchange.send_to_all(operation.group().links(), ceil_div(bytes, frame),
                             packed_from(operation.input(), pieces_of(bytes, frame)));
    });
    if (operation.is_root()) copy_block(operation.output(), operation.input(), bytes);
}

} // namespace nc::jaccl::mesh
