// Scatter in a mesh: the root sends everybody its block.
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void scatter(const Operation& operation) {
    const Blocks blocks = announced_blocks(operation);
    const std::size_t frame = operation.frame(blocks.largest());
    const Range own = blocks[operation.rank];
    operation.exchange(frame, [&](Exchange& exchange) {
        if (!operation.is_root())
            return receive_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.output(),
                                 own.size);
        for (Link* link : operation.group().links())
            send_bytes(exchange, *link, frame, operation.input() + blocks[link->peer()].begin,
                       blocks[link->peer()].size);
    });
    if (operation.is_root()) copy_block(operation.output(), operation.input() + own.begin, own.size);
}

} // namespace nc::jaccl::mesh
