// Broadcast in a mesh: the root sends to all.
#include <cstring>

#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void broadcast(const Operation& operation) {
    operation.announce();
    const std::size_t bytes = operation.bytes();
    const std::size_t frame = operation.frame(bytes);
    operation.exchange([&](Exchange& exchange) {
        exchange.reset(frame);
        if (!operation.is_root())
            return receive_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.output(),
                                 bytes);
        exchange.send_to_all(operation.group().links(), ceil_div(bytes, frame),
                             [&](std::size_t message, std::byte* buffer) {
                                 const Range part = piece(bytes, frame, message);
                                 std::memcpy(buffer, operation.input() + part.begin, part.size);
                             });
    });
    if (operation.is_root() && operation.output() != nullptr && operation.output() != operation.input())
        std::memcpy(operation.output(), operation.input(), bytes);
}

} // namespace nc::jaccl::mesh
