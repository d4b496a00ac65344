// Point-to-point messages in a mesh. Source: jaccl-wire.md, section 8.4.
#include <cstring>

#include "jaccl/first_messages.h"
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

Outgoing& send_bytes(Exchange& exchange, Link& link, std::size_t frame, const std::byte* data, std::size_t bytes) {
    return exchange.send(link, ceil_div(bytes, frame), packed_from(data, pieces_of(bytes, frame)));
}

void receive_bytes(Exchange& exchange, Link& link, std::size_t frame, std::byte* data, std::size_t bytes,
                   FirstMessages* first) {
    const int peer = link.peer();
    exchange.receive(link, ceil_div(bytes, frame), [=](std::size_t message, const std::byte* buffer) {
        const Range part = piece(bytes, frame, message);
        std::memcpy(data + part.begin, buffer, part.size);
        if (message == 0 && first != nullptr) first->note(peer, buffer);
    });
}

void send(const Operation& operation) {
    const std::size_t frame = operation.frame(operation.bytes());
    operation.exchange(frame, [&](Exchange& exchange) {
        send_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.input(), operation.bytes());
    });
}

void receive(const Operation& operation) {
    const std::size_t frame = operation.frame(operation.bytes());
    operation.exchange(frame, [&](Exchange& exchange) {
        receive_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.output(),
                      operation.bytes());
    });
}

} // namespace nc::jaccl::mesh
