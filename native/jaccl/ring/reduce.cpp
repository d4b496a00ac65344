// Reduce in a ring: partial results run towards the root, in both directions, each rank adding its own to a message as
// soon as it has it.
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {

void reduce(const Operation& operation) {
    operation.announce();
    const std::size_t bytes = operation.bytes();
    const Slices slices(operation, bytes);
    const std::size_t messages = slices.messages(bytes);
    exchange_on_every_way(operation, slices, [&](Exchange& exchange, const Way& way, std::size_t index) {
        // The chain begins behind the root and ends at it.
        const int hops = way.hops_from(operation, operation.request.peer);
        if (operation.is_root()) {
            exchange.receive(way.in(operation), messages, [&, index](std::size_t message, const std::byte* buffer) {
                const Range part = slices.part(bytes, index, message);
                operation.combine(operation.output() + part.begin, operation.input() + part.begin, buffer, part.size);
            });
            return;
        }
        Incoming* incoming = nullptr;
        if (hops > 1) incoming = &exchange.receive(way.in(operation), messages);
        exchange
            .send(way.out(operation), messages,
                  [&, index, incoming](std::size_t message, std::byte* buffer) {
                      const Range part = slices.part(bytes, index, message);
                      if (incoming != nullptr) {
                          operation.combine(buffer, operation.input() + part.begin, incoming->front(), part.size);
                      } else {
                          std::memcpy(buffer, operation.input() + part.begin, part.size);
                      }
                  })
            .relayed = incoming;
    });
}

} // namespace nc::jaccl::ring
