#include "ring/extension.h"

#include <algorithm>
#include <cstring>

#include "ring/operation.h"

namespace nc::ring {
namespace {

// Data on its way through a rank takes at most about this much memory, whatever the operation moves.
constexpr std::size_t transit_limit = std::size_t{64} << 20;
// A lane is worth its overhead from this many bytes of a block on.
constexpr std::size_t smallest_lane = 128 * 1024;

} // namespace

void gather_bytes(Operation& operation, const void* own, std::size_t bytes, void* all) {
    auto* blocks = static_cast<std::byte*>(all);
    const auto block = [&](int rank) { return blocks + static_cast<std::size_t>(rank) * bytes; };
    std::memcpy(block(operation.rank), own, bytes);
    operation.announce();
    Lane& lane = operation.lane(0, Direction::Down);
    lane.send(block(operation.rank), bytes);
    for (int hop = 1; hop < operation.size; ++hop) {
        const std::size_t arrived = lane.receive(block(operation.behind(Direction::Down, hop)), bytes);
        if (hop < operation.size - 1) lane.forward(arrived);
    }
    operation.move();
}

std::size_t lanes_for(std::size_t bytes, int most_lanes) {
    return std::clamp<std::size_t>(bytes / smallest_lane, 1, static_cast<std::size_t>(most_lanes));
}

Rounds::Rounds(std::size_t largest_block, int held, int most_lanes, std::size_t item) : item_(item) {
    const std::size_t share = transit_limit / static_cast<std::size_t>(held);
    length_ = std::max<std::size_t>(1, std::min(largest_block, share) / item) * item;
    count_ = std::max<std::size_t>(1, ceil_div(largest_block, length_));
    lanes_ = lanes_for(length_, most_lanes);
}

Range Rounds::part(std::size_t block_bytes, std::size_t round, std::size_t lane) const {
    const Range in_round = piece(block_bytes, length_, round);
    const std::size_t elements = in_round.size / item_;
    const Range in_lane = piece(elements, ceil_div(elements, lanes_), lane);
    return {in_round.begin + in_lane.begin * item_, in_lane.size * item_};
}

} // namespace nc::ring
