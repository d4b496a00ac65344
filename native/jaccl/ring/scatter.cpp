// Scatter in a ring: the root sends the block of the farthest rank first; every rank passes on what is not its own,
// which comes last.
#include "jaccl/ring/lanes.h"
#include "jaccl/ring/message_list.h"

namespace nc::jaccl::ring {

void scatter(const Operation& operation) {
    const Blocks blocks = operation.announced_blocks();
    const Slices slices(operation, blocks.largest());
    const Range own = blocks[operation.rank];
    ScratchVector<Flow> flows(operation.scratch());
    for (std::size_t index = 0; index < slices.lanes(); ++index) {
        flows.push_back(once(operation, [&, index](Exchange& exchange) {
            exchange.reset(slices.frame());
            const Lane lane = slices.lane(index);
            const int hops = lane.hops_from(operation, operation.request.peer);
            // The ranks ahead of this one, the farthest first: so many hops further than this one from the root.
            MessageList passed_on(slices, index, operation.scratch());
            for (int further = operation.size - 1 - hops; further > 0; --further)
                passed_on.add(blocks[lane.source(operation, -further)]);
            if (hops == 0) {
                exchange.send(lane.out(operation), passed_on.count(),
                              [&operation, passed_on](std::size_t message, std::byte* buffer) {
                                  const Range part = passed_on.part(message);
                                  std::memcpy(buffer, operation.input() + part.begin, part.size);
                              });
                return;
            }
            MessageList mine(slices, index, operation.scratch());
            mine.add({0, own.size});
            const std::size_t before = passed_on.count();
            Incoming& incoming =
                exchange.receive(lane.in(operation), before + mine.count(),
                                 [&operation, mine, before](std::size_t message, const std::byte* buffer) {
                                     const Range part = mine.part(message - before);
                                     std::memcpy(operation.output() + part.begin, buffer, part.size);
                                 });
            incoming.held = before;
            exchange
                .send(lane.out(operation), before,
                      [&incoming, passed_on](std::size_t message, std::byte* buffer) {
                          std::memcpy(buffer, incoming.front(), passed_on.part(message).size);
                      })
                .relayed = &incoming;
        }));
    }
    operation.run(flows);
    if (operation.is_root() && own.size > 0 && operation.output() != operation.input() + own.begin)
        std::memcpy(operation.output(), operation.input() + own.begin, own.size);
}

} // namespace nc::jaccl::ring
