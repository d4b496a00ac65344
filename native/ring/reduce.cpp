// Reduce: partial results run along the ring to the root, starting at the rank behind it.
#include "operation/average.h"
#include "ring/operation.h"

namespace nc::ring {

namespace {

void reduce_to_root(Operation& operation) {
    const int root = operation.request.peer;
    const Rounds rounds(operation.bytes(), 1, 2 * operation.sockets, operation.item);
    move_in_rounds(operation, rounds, [&](const Share& share) {
        Lane& lane = operation.reducing_lane(share.socket(), share.direction());
        const Range part = share.of({0, operation.bytes()});
        const std::byte* own = operation.input() + part.begin;
        if (operation.rank == root) {
            lane.reduce(operation.output() + part.begin, own, part.size);
        } else if (operation.behind(share.direction(), 1) == root) {
            lane.send(own, part.size);
        } else {
            lane.pass(operation.scratch().take(part.size), own, part.size);
        }
    });
}

} // namespace

void reduce(Operation& operation) {
    operation.announce();
    if (operation.request.reduce_op != NC_AVERAGE) return reduce_to_root(operation);
    const auto reduce_part = [&](const nc_request& request) {
        Operation part(operation, request);
        reduce_to_root(part);
    };
    average(operation.request, operation.rank, operation.size, Adder::Saturating, operation.scratch(), reduce_part);
}

} // namespace nc::ring
