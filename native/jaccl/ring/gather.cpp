// Gather in a ring: blocks run towards the root, in both directions; a rank sends its own, then passes on those that
// come from behind it.
#include "jaccl/ring/lanes.h"
#include "jaccl/ring/message_list.h"

namespace nc::jaccl::ring {

void gather(const Operation& operation) {
    const Blocks blocks = operation.announced_blocks();
    const Slices slices(operation, blocks.largest());
    const Range own = blocks[operation.rank];
    ScratchVector<Flow> flows(operation.scratch());
    for (std::size_t index = 0; index < slices.lanes(); ++index) {
        flows.push_back(once(operation, [&, index](Exchange& exchange) {
            exchange.reset(slices.frame());
            const Lane lane = slices.lane(index);
            // In the order in which they come by, as the nearest rank sends first.
            MessageList from_behind(slices, index, operation.scratch());
            const int ranks_behind =
                operation.is_root() ? operation.size - 1 : lane.hops_from(operation, operation.request.peer) - 1;
            for (int hops = 1; hops <= ranks_behind; ++hops) from_behind.add(blocks[lane.source(operation, hops)]);
            if (operation.is_root()) {
                exchange.receive(lane.in(operation), from_behind.count(),
                                 [&operation, from_behind](std::size_t message, const std::byte* buffer) {
                                     const Range part = from_behind.part(message);
                                     std::memcpy(operation.output() + part.begin, buffer, part.size);
                                 });
                return;
            }
            MessageList mine(slices, index, operation.scratch());
            mine.add({0, own.size});
            Incoming& incoming = exchange.receive(lane.in(operation), from_behind.count());
            Outgoing& outgoing = exchange.send(
                lane.out(operation), mine.count() + from_behind.count(),
                [&operation, &incoming, mine, from_behind](std::size_t message, std::byte* buffer) {
                    if (message >= mine.count()) {
                        std::memcpy(buffer, incoming.front(), from_behind.part(message - mine.count()).size);
                        return;
                    }
                    const Range part = mine.part(message);
                    std::memcpy(buffer, operation.input() + part.begin, part.size);
                });
            outgoing.relayed = &incoming;
            outgoing.relayed_from = mine.count();
        }));
    }
    operation.run(flows);
    if (operation.is_root() && own.size > 0 && operation.input() != operation.output() + own.begin)
        std::memcpy(operation.output() + own.begin, operation.input(), own.size);
}

} // namespace nc::jaccl::ring
