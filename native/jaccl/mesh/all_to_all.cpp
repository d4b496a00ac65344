// All-to-all in a mesh: everybody sends everybody a block.
#include <algorithm>

#include "jaccl/mesh/transfer.h"

namespace nc::jaccl::mesh {

void all_to_all(const Operation& operation) {
    const auto n = static_cast<std::size_t>(operation.size);
    const ScratchVector<std::uint64_t> lengths = operation.announced_lengths();
    const auto length = [&](int from, int to) {
        return lengths[static_cast<std::size_t>(from) * n + static_cast<std::size_t>(to)];
    };
    ScratchVector<std::uint64_t> to_here(operation.scratch());
    for (int peer = 0; peer < operation.size; ++peer) to_here.push_back(length(peer, operation.rank));
    const Blocks sent(&lengths[static_cast<std::size_t>(operation.rank) * n], operation.size, operation.item,
                      operation.scratch());
    const Blocks received(to_here.data(), operation.size, operation.item, operation.scratch());
    // The same on all ranks, which is all that is asked of it.
    const std::size_t frame = operation.frame(*std::max_element(lengths.begin(), lengths.end()) * operation.item);
    operation.exchange([&](Exchange& exchange) {
        exchange.reset(frame);
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
