// How the ring cuts an operation's data. Source: mlx-ring-wire.md, sections 5 to 7; what is counted here is seen on the
// wire.
#pragma once

#include "operation/blocks.h"

namespace nc::ring {

// Which way data travels: to higher ranks (sent on the connections that this rank opened) or to lower ones.
enum class Direction : int { Up = -1, Down = +1 };
constexpr int step(Direction direction) {
    return static_cast<int>(direction);
}

// An all-reduce of so many bytes is cut into this many slices, which run side by side.
std::size_t all_reduce_slices(std::size_t bytes, int ranks, int sockets);

// The same for an all-gather, by the bytes that each rank contributes.
std::size_t all_gather_slices(std::size_t bytes, int sockets);

// Slice i runs over the connections of this index, in this direction.
constexpr int slice_socket(std::size_t slice) {
    return static_cast<int>(slice / 2);
}
constexpr Direction slice_direction(std::size_t slice) {
    return slice % 2 == 0 ? Direction::Down : Direction::Up;
}

// Piece i of a point-to-point message, which goes over connection i; empty where there is none.
Range message_piece(std::size_t bytes, int sockets, int socket);

} // namespace nc::ring
