// All-reduce: each slice is reduced segment by segment on its way around the ring, and the finished segments go around
// once more. Source for sum, max and min, which are prescribed to the byte: mlx-ring-wire.md, section 5. Product and
// average run the same way behind a header.
#include <cstring>

#include "ring/operation.h"

namespace nc::ring {
namespace {

// Sums that only pass through a rank stay in a cache, if they are no longer than this. Longer ones pass through the
// result's memory, which is there.
constexpr std::size_t most_transit = std::size_t{4} << 20;

bool known_to_mlx(nc_reduce_op op) {
    return op == NC_SUM || op == NC_MAX || op == NC_MIN;
}

// Fills a lane for one slice. own holds this rank's operands, result takes the sums; they may be the same.
void reduce_slice(const Operation& operation, Lane& lane, Direction direction, const std::byte* own, std::byte* result,
                  std::size_t elements) {
    const int n = operation.size;
    const std::size_t length = ceil_div(elements, static_cast<std::size_t>(n));
    const auto segment = [&](int hops) {
        const Range range = piece(elements, length, static_cast<std::size_t>(operation.behind(direction, hops)));
        return Range{range.begin * operation.item, range.size * operation.item};
    };
    const Range first = segment(0);
    lane.send(own + first.begin, first.size);
    const std::size_t longest = length * operation.item;
    std::byte* const transit = n > 2 && longest <= most_transit ? operation.scratch().take(longest) : nullptr;
    for (int hops = 1; hops < n - 1; ++hops) {
        const Range range = segment(hops);
        if (transit != nullptr) {
            lane.pass(transit, own + range.begin, range.size);
        } else {
            lane.forward(lane.reduce(result + range.begin, own + range.begin, range.size));
        }
    }
    const Range complete = segment(n - 1);
    lane.forward(lane.reduce(result + complete.begin, own + complete.begin, complete.size));
    for (int hops = n; hops < 2 * n - 1; ++hops) {
        const Range range = segment(hops);
        const std::size_t arrived = lane.receive(result + range.begin, range.size);
        if (hops < 2 * n - 2) lane.forward(arrived);
    }
}

// Fewer elements than ranks: one slice of as many elements as ranks, those that are missing being zero. MLX sends it
// the other way than any other single slice.
void all_reduce_few(Operation& operation, Direction direction) {
    const std::size_t padded = static_cast<std::size_t>(operation.size) * operation.item;
    std::byte* elements = operation.scratch().take(padded);
    std::memset(elements, 0, padded);
    if (operation.bytes() > 0) std::memcpy(elements, operation.input(), operation.bytes());
    reduce_slice(operation, operation.reducing_lane(0, direction), direction, elements, elements,
                 static_cast<std::size_t>(operation.size));
    operation.move();
    if (operation.bytes() > 0) std::memcpy(operation.output(), elements, operation.bytes());
}

void all_reduce_many(Operation& operation) {
    const std::size_t count = operation.request.count;
    const std::size_t slices = ring::all_reduce_slices(operation.bytes(), operation.size, operation.sockets);
    const Scratch::Mark mark = operation.scratch().mark();
    for (std::size_t i = 0; i < slices; ++i) {
        const Range range = piece(count, ceil_div(count, slices), i);
        const std::size_t begin = range.begin * operation.item;
        const Direction direction = slice_direction(i);
        reduce_slice(operation, operation.reducing_lane(slice_socket(i), direction), direction,
                     operation.input() + begin, operation.output() + begin, range.size);
    }
    operation.move();
    operation.scratch().rewind(mark);
}

} // namespace

void all_reduce(Operation& operation) {
    const bool mlx = known_to_mlx(operation.request.reduce_op) && operation.announced == Announced::Nothing;
    if (!mlx) operation.announce();
    if (operation.request.count < static_cast<std::uint64_t>(operation.size)) {
        all_reduce_few(operation, mlx ? Direction::Up : Direction::Down);
    } else {
        all_reduce_many(operation);
    }
}

} // namespace nc::ring
