// Gather in a mesh: all send to the root.
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void gather(const Operation& operation) {
    const Blocks blocks = announced_blocks(operation);
    const std::size_t frame = operation.frame(blocks.largest());
    const Range own = blocks[operation.rank];
    operation.exchange(frame, [&](Exchange& exchange) {
        if (!operation.is_root()) {
            send_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.input(), own.size);
            return;
        }
        for (Link* link : operation.group().links())
            receive_bytes(exchange, *link, frame, operation.output() + blocks[link->peer()].begin,
                          blocks[link->peer()].size);
    });
    if (operation.is_root()) copy_block(operation.output() + own.begin, operation.input(), own.size);
}

} // namespace nc::jaccl::mesh
