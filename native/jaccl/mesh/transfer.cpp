#include "jaccl/mesh/transfer.h"

#include <cstring>

#include "jaccl/first_messages.h"

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

} // namespace nc::jaccl::mesh
