// What MLX's ring does not have and ranks of ours do over the same connections.
//
// An operation that only ranks of ours know begins with a header from every rank to its left neighbour, so that ranks
// that issued different operations, types or counts get an error instead of wrong data. MLX's own operations have none:
// their streams are prescribed to the byte.
#pragma once

#include <cstddef>
#include <cstdint>

#include "operation/announcement.h"
#include "ring/slices.h"

namespace nc::ring {

// Into how many lanes so many bytes are best cut, if that many can run side by side.
std::size_t lanes_for(std::size_t bytes, int most_lanes);

// Operations that hold data on its way through go over their blocks in rounds, which bounds the memory for it, and in
// each round in lanes, which use all connections.
class Rounds {
public:
    // held: how many blocks a rank holds at once, at most. most_lanes: as many as can run side by side.
    Rounds(std::size_t largest_block, int held, int most_lanes, std::size_t item);

    std::size_t count() const { return count_; }
    std::size_t lanes() const { return lanes_; }
    // What a round's lane moves of a block, relative to the block's begin.
    Range part(std::size_t block_bytes, std::size_t round, std::size_t lane) const;

private:
    std::size_t item_;
    std::size_t length_; // bytes of a block in one round
    std::size_t count_;
    std::size_t lanes_;
};

} // namespace nc::ring
