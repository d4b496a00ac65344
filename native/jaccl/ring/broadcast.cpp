// Broadcast in a ring: slices run from rank to rank, in both directions, each rank passing on a message as soon as it
// has it.
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {

void broadcast(const Operation& operation) {
    operation.announce();
    const std::size_t bytes = operation.bytes();
    const Slices slices(operation, bytes);
    const std::size_t messages = slices.messages(bytes);
    exchange_on_every_way(operation, slices, [&](Exchange& exchange, const Way& way, std::size_t index) {
        const int hops = way.hops_from(operation, operation.request.peer);
        Incoming* incoming = nullptr;
        const auto part = [&slices, bytes, index](std::size_t message) { return slices.part(bytes, index, message); };
        const auto keep = unpacked_to(operation.output(), part);
        const auto pack = packed_from(hops == 0 ? operation.input() : operation.output(), part);
        if (hops > 0) incoming = &exchange.receive(way.in(operation), messages, keep);
        if (hops == operation.size - 1) return;
        Outgoing& outgoing =
            exchange.send(way.out(operation), messages, [incoming, keep, pack](std::size_t message, std::byte* buffer) {
                if (incoming != nullptr) keep(message, incoming->front());
                pack(message, buffer);
            });
        if (incoming == nullptr) return;
        incoming->held = messages;
        outgoing.relayed = incoming;
    });
    if (operation.is_root()) copy_block(operation.output(), operation.input(), bytes);
}

} // namespace nc::jaccl::ring
