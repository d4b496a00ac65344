#include "ring/slices.h"

#include <algorithm>

namespace nc::ring {
namespace {

constexpr std::size_t smallest_slice = 262'144;      // bytes of one rank's share
constexpr std::size_t smallest_message_piece = 1024; // bytes

std::size_t slices(std::size_t share, int sockets) {
    return std::clamp<std::size_t>(share / smallest_slice, 1, 2 * static_cast<std::size_t>(sockets));
}

} // namespace

std::size_t all_reduce_slices(std::size_t bytes, int ranks, int sockets) {
    return slices(bytes / static_cast<std::size_t>(ranks), sockets);
}

std::size_t all_gather_slices(std::size_t bytes, int sockets) {
    return slices(bytes, sockets);
}

Range message_piece(std::size_t bytes, int sockets, int socket) {
    const std::size_t length = std::max(smallest_message_piece, ceil_div(bytes, static_cast<std::size_t>(sockets)));
    return piece(bytes, length, static_cast<std::size_t>(socket));
}

} // namespace nc::ring
