// Scatter in a ring: the root sends the block of the farthest rank first; every rank passes on what is not its own,
// which comes last.
#include "jaccl/ring/message_list.h"
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {

void scatter(const Operation& operation) {
    const Blocks blocks = announced_blocks(operation);
    const Slices slices(operation, blocks.largest());
    const Range own = blocks[operation.rank];
    exchange_on_every_way(operation, slices, [&](Exchange& exchange, const Way& way, std::size_t index) {
        const int hops = way.hops_from(operation, operation.request.peer);
        // The ranks ahead of this one, the farthest first: so many hops further than this one from the root.
        MessageList passed_on(slices, index, operation.scratch());
        for (int further = operation.size - 1 - hops; further > 0; --further)
            passed_on.add(blocks[way.source(operation, -further)]);
        if (hops == 0) {
            exchange.send(way.out(operation), passed_on.count(), packed_from(operation.input(), passed_on));
            return;
        }
        MessageList mine(slices, index, operation.scratch());
        mine.add({0, own.size});
        const std::size_t before = passed_on.count();
        Incoming& incoming = exchange.receive(way.in(operation), before + mine.count(),
                                              unpacked_to(operation.output(), [mine, before](std::size_t message) {
                                                  return mine.part(message - before);
                                              }));
        incoming.held = before;
        exchange
            .send(way.out(operation), before,
                  [&incoming, passed_on](std::size_t message, std::byte* buffer) {
                      std::memcpy(buffer, incoming.front(), passed_on.part(message).size);
                  })
            .relayed = &incoming;
    });
    if (operation.is_root()) copy_block(operation.output(), operation.input() + own.begin, own.size);
}

} // namespace nc::jaccl::ring
