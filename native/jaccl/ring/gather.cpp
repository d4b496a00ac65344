// Gather in a ring: blocks run towards the root, in both directions; a rank sends its own, then passes on those that
// come from behind it.
#include "jaccl/ring/message_list.h"
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {

void gather(const Operation& operation) {
    const Blocks blocks = announced_blocks(operation);
    const Slices slices(operation, blocks.largest());
    const Range own = blocks[operation.rank];
    exchange_on_every_way(operation, slices, [&](Exchange& exchange, const Way& way, std::size_t index) {
        // In the order in which they come by, as the nearest rank sends first.
        MessageList from_behind(slices, index, operation.scratch());
        const int ranks_behind =
            operation.is_root() ? operation.size - 1 : way.hops_from(operation, operation.request.peer) - 1;
        for (int hops = 1; hops <= ranks_behind; ++hops) from_behind.add(blocks[way.source(operation, hops)]);
        if (operation.is_root()) {
            exchange.receive(way.in(operation), from_behind.count(), unpacked_to(operation.output(), from_behind));
            return;
        }
        MessageList mine(slices, index, operation.scratch());
        mine.add({0, own.size});
        Incoming& incoming = exchange.receive(way.in(operation), from_behind.count());
        Outgoing& outgoing =
            exchange.send(way.out(operation), mine.count() + from_behind.count(),
                          [pack = packed_from(operation.input(), mine), &incoming, count = mine.count(), from_behind](
                              std::size_t message, std::byte* buffer) {
                              if (message < count) return pack(message, buffer);
                              std::memcpy(buffer, incoming.front(), from_behind.part(message - count).size);
                          });
        outgoing.relayed = &incoming;
        outgoing.relayed_from = mine.count();
    });
    if (operation.is_root()) copy_block(operation.output() + own.begin, operation.input(), own.size);
}

} // namespace nc::jaccl::ring
