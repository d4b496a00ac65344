// Scatter in a ring: the root sends the block of the farthest rank first; every rank passes on what is not its own,
// which comes last.
#include "jaccl/ring/lanes.h"
#include "jaccl/ring/message_list.h"

namespace nc::jaccl::ring {

void scatter(const Operation& operation) {
    const Blocks blocks = operation.announced_blocks();
    const Slices slices(operation, blocks.largest());
    const Range own = blocks[operation.rank];
    exchange_on_lanes(operation, slices, [&](Exchange& exchange, const Lane& lane, std::size_t index) {
        const int hops = lane.hops_from(operation, operation.request.peer);
        // The ranks ahead of this one, the farthest first: so many hops further than this one from the root.
        MessageList passed_on(slices, index, operation.scratch());
        for (int further = operation.size - 1 - hops; further > 0; --further)
            passed_on.add(blocks[lane.source(operation, -further)]);
        if (hops == 0) {
            exchange.send(lane.out(operation), passed_on.count(), packed_from(operation.input(), passed_on));
            return;
        }
        MessageList mine(slices, index, operation.scratch());
        mine.add({0, own.size});
        const std::size_t before = passed_on.count();
        Incoming& incoming = exchange.receive(lane.in(operation), before + mine.count(),
                                              unpacked_to(operation.output(), [mine, before](std::size_t message) {
                                                  return mine.part(message - before);
                                              }));
        incoming.held = before;
        exchange
            .send(lane.out(operation), before,
                  [&incoming, passed_on](std::size_t message, std::byte* buffer) {
                      std::memcpy(buffer, incoming.front(), passed_on.part(message).size);
                  })
            .relayed = &incoming;
    });
    if (operation.is_root()) copy_block(operation.output(), operation.input() + own.begin, own.size);
}

} // namespace nc::jaccl::ring
