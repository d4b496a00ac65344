#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {
namespace {

// Below this, one way is as fast as several.
constexpr std::size_t smallest_cut = 32'768;

} // namespace

Slices::Slices(const Operation& operation, std::size_t largest_block)
    : item_(operation.item),
      wires_(largest_block > smallest_cut ? operation.wires : 1),
      ways_(largest_block > smallest_cut ? 2 * static_cast<std::size_t>(operation.wires) : 1),
      frame_(operation.frame(slice_bytes(largest_block))) {}

Slices::Slices(const Operation& operation, std::size_t largest_block, int wires, std::size_t item)
    : item_(item),
      wires_(wires),
      ways_(2 * static_cast<std::size_t>(wires)),
      frame_(operation.frame(slice_bytes(largest_block))) {}

Range Slices::slice(std::size_t block_bytes, std::size_t index) const {
    return piece(block_bytes, slice_bytes(block_bytes), index);
}

Range Slices::within_slice(std::size_t block_bytes, std::size_t index, std::size_t message) const {
    return piece(slice(block_bytes, index).size, frame_, message);
}

Range Slices::part(std::size_t block_bytes, std::size_t index, std::size_t message) const {
    const Range within = within_slice(block_bytes, index, message);
    return {slice(block_bytes, index).begin + within.begin, within.size};
}

} // namespace nc::jaccl::ring
