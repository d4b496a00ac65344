// All-to-all in a mesh: everybody sends everybody a block.
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void all_to_all(const Operation& operation) {
    const BlockMatrix matrix = announced_matrix(operation);
    const Blocks& sent = matrix.sent();
    const Blocks& received = matrix.received();
    // The same on all ranks, which is all that is asked of it.
    const std::size_t frame = operation.frame(matrix.largest());
    operation.exchange(frame, [&](Exchange& exchange) {
        for (Link* link : operation.group().links())
            receive_bytes(exchange, *link, frame, operation.output() + received[link->peer()].begin,
                          received[link->peer()].size);
        for (Link* link : operation.group().links())
            send_bytes(exchange, *link, frame, operation.input() + sent[link->peer()].begin, sent[link->peer()].size);
    });
    const Range own = sent[operation.rank];
    copy_block(operation.output() + received[operation.rank].begin, operation.input() + own.begin, own.size);
}

} // namespace nc::jaccl::mesh
