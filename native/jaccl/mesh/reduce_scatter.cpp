// Reduce-scatter in a mesh: MLX's sum_scatter, with any operator.
#include "jaccl/mesh/scatter_reduce.h"
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void scatter_reduce(const Operation& operation, const std::byte* input, const Blocks& blocks, std::byte* output) {
    const std::size_t frame = operation.frame(blocks.largest());
    const Range own = blocks[operation.rank];
    const std::size_t own_messages = ceil_div(own.size, frame);
    ScratchVector<bool> begun(own_messages, false, operation.scratch());
    const auto add = [&](std::size_t message, const std::byte* arriving) {
        const Range part = piece(own.size, frame, message);
        const std::byte* const accumulated = begun[message] ? output + part.begin : input + own.begin + part.begin;
        operation.combine(output + part.begin, accumulated, arriving, part.size);
        begun[message] = true;
    };
    operation.exchange(frame, [&](Exchange& exchange) {
        for (Link* link : operation.group().links()) exchange.receive(*link, own_messages, add);
        for (Link* link : operation.group().links()) {
            const Range block = blocks[link->peer()];
            send_bytes(exchange, *link, frame, input + block.begin, block.size).is_in_step = true;
        }
    });
}

void reduce_scatter(const Operation& operation) {
    const Blocks blocks = operation.is_uneven() ? announced_blocks(operation) : Blocks(operation.bytes());
    scatter_reduce(operation, operation.input(), blocks, operation.output());
}

} // namespace nc::jaccl::mesh
