// All-reduce in a mesh: small ones, and those of two ranks, at once; others as a reduce-scatter and an all-gather.
// Source: jaccl-wire.md, section 8.1.
#include "jaccl/mesh/rank_order.h"
#include "jaccl/mesh/scatter_reduce.h"

namespace nc::jaccl::mesh {
namespace {

constexpr std::size_t largest_single_phase = 32'768;

void reduce_at_once(const Operation& operation, const std::byte* input, std::byte* output, std::size_t bytes) {
    const std::size_t frame = operation.frame(bytes);
    RankOrder order(operation, input, output, bytes, frame);
    operation.exchange(frame, [&](Exchange& exchange) {
        const Outgoing& own = exchange.send_to_all(operation.group().links(), ceil_div(bytes, frame),
                                                   packed_from(input, pieces_of(bytes, frame)));
        order.receive_in(exchange, &own);
    });
}

} // namespace

void all_reduce(const Operation& operation) {
    if (operation.size == 2 || operation.bytes() <= largest_single_phase)
        return reduce_at_once(operation, operation.input(), operation.output(), operation.bytes());
    const std::size_t chunk = operation.request.count / static_cast<std::size_t>(operation.size) * operation.item;
    const Blocks blocks(chunk);
    std::byte* const own = operation.output() + blocks[operation.rank].begin;
    scatter_reduce(operation, operation.input(), blocks, own);
    gather_blocks(operation, own, blocks, operation.output());
    const std::size_t done = chunk * static_cast<std::size_t>(operation.size);
    if (done < operation.bytes())
        reduce_at_once(operation, operation.input() + done, operation.output() + done, operation.bytes() - done);
}

} // namespace nc::jaccl::mesh
