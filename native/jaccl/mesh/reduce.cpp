// Reduce in a mesh: all send to the root, which combines in the order of the ranks.
#include "jaccl/mesh/rank_order.h"
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void reduce(const Operation& operation) {
    operation.announce();
    const std::size_t bytes = operation.bytes();
    const std::size_t frame = operation.frame(bytes);
    RankOrder order(operation, operation.input(), operation.output(), bytes, frame);
    operation.exchange(frame, [&](Exchange& exchange) {
        if (operation.is_root()) {
            order.receive_in(exchange, nullptr);
        } else {
            send_bytes(exchange, operation.group().to(operation.request.peer), frame, operation.input(), bytes);
        }
    });
}

} // namespace nc::jaccl::mesh
