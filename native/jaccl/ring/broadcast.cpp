// Broadcast in a ring: slices run from rank to rank, in both directions, each rank passing on a message as soon as it
// has it.
#include "jaccl/ring/lanes.h"

namespace nc::jaccl::ring {

void broadcast(const Operation& operation) {
    operation.announce();
    const std::size_t bytes = operation.bytes();
    const Slices slices(operation, bytes);
    const std::size_t messages = slices.messages(bytes);
    ScratchVector<Flow> flows(operation.scratch());
    for (std::size_t index = 0; index < slices.lanes(); ++index) {
        flows.push_back(once(operation, [&, index](Exchange& exchange) {
            exchange.reset(slices.frame());
            const Lane lane = slices.lane(index);
            const int hops = lane.hops_from(operation, operation.request.peer);
            Incoming* incoming = nullptr;
            const auto keep = [&, index](std::size_t message, const std::byte* buffer) {
                const Range part = slices.part(bytes, index, message);
                std::memcpy(operation.output() + part.begin, buffer, part.size);
            };
            if (hops > 0) incoming = &exchange.receive(lane.in(operation), messages, keep);
            if (hops == operation.size - 1) return;
            const std::byte* const data = hops == 0 ? operation.input() : operation.output();
            Outgoing& outgoing =
                exchange.send(lane.out(operation), messages,
                              [&, index, incoming, keep, data](std::size_t message, std::byte* buffer) {
                                  if (incoming != nullptr) keep(message, incoming->front());
                                  const Range part = slices.part(bytes, index, message);
                                  std::memcpy(buffer, data + part.begin, part.size);
                              });
            if (incoming == nullptr) return;
            incoming->held = messages;
            outgoing.relayed = incoming;
        }));
    }
    operation.run(flows);
    if (operation.is_root() && operation.output() != nullptr && operation.output() != operation.input())
        std::memcpy(operation.output(), operation.input(), bytes);
}

} // namespace nc::jaccl::ring
