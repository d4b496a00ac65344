// All-gather in a mesh: everybody sends the own block to all. Source: jaccl-wire.md, section 8.3.
#include <cstring>

#include "jaccl/first_messages.h"
#include "jaccl/mesh/scatter_reduce.h"
#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void gather_blocks(const Operation& operation, const std::byte* own, const Blocks& blocks, std::byte* output,
                   FirstMessages* first) {
    const std::size_t frame = operation.frame(blocks.largest());
    const Range mine = blocks[operation.rank];
    copy_block(output + mine.begin, own, mine.size);
    operation.exchange(frame, [&](Exchange& exchange) {
        for (Link* link : operation.group().links()) {
            const Range block = blocks[link->peer()];
            receive_bytes(exchange, *link, frame, output + block.begin, block.size, first);
        }
        exchange.send_to_all(operation.group().links(), ceil_div(mine.size, frame),
                             [own, mine, frame](std::size_t message, std::byte* buffer) {
                                 const Range part = piece(mine.size, frame, message);
                                 std::memcpy(buffer, own + part.begin, part.size);
                                 clear_old_header(buffer, part.size);
                             });
    });
}

void all_gather(const Operation& operation) {
    if (operation.is_uneven())
        return gather_blocks(operation, operation.input(), announced_blocks(operation), operation.output());
    FirstMessages first(operation);
    first.check(
        [&] { gather_blocks(operation, operation.input(), Blocks(operation.bytes()), operation.output(), &first); });
}

void gather_bytes(const Operation& operation, const void* own, std::size_t bytes, void* all) {
    gather_blocks(operation, static_cast<const std::byte*>(own), Blocks(bytes), static_cast<std::byte*>(all));
}

} // namespace nc::jaccl::mesh
