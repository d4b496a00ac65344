// The ways data travels in a ring: over one wire in one direction. Direction 0 goes to higher ranks, direction 1 to
// lower ones. Source: jaccl-wire.md, section 9.
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl::ring {

struct Way {
    int wire;
    int direction;

    Link& out(const Operation& operation) const {
        return direction == 0 ? operation.group().right(wire) : operation.group().left(wire);
    }
    Link& in(const Operation& operation) const {
        return direction == 0 ? operation.group().left(wire) : operation.group().right(wire);
    }
    // The rank from which data takes so many hops to get here.
    int source(const Operation& operation, int hops) const {
        return wrap(direction == 0 ? operation.rank - hops : operation.rank + hops, operation.size);
    }
    // How many hops data of that rank takes to get here.
    int hops_from(const Operation& operation, int rank) const {
        return wrap(direction == 0 ? operation.rank - rank : rank - operation.rank, operation.size);
    }
};

// All ways of that many wires, way d * wires + i being wire i in direction d. As sections 9.2 and 9.4 number the
// slices of a block.
constexpr Way way_of(std::size_t index, int wires) {
    return {static_cast<int>(index) % wires, static_cast<int>(index) / wires};
}

// How blocks are cut, one slice for each way.
class Slices {
public:
    // As an operation that MLX does not know cuts them: whole elements, and small ones are not cut at all.
    Slices(const Operation& operation, std::size_t largest_block);
    // For both directions of so many wires; item: bytes that stay together.
    Slices(const Operation& operation, std::size_t largest_block, int wires, std::size_t item);

    std::size_t ways() const { return ways_; }
    int wires() const { return wires_; }
    Way way(std::size_t index) const { return way_of(index, wires_); }
    std::size_t index(const Way& way) const { return static_cast<std::size_t>(way.direction * wires_ + way.wire); }
    std::size_t frame() const { return frame_; }
    // Way index's slice of a block of so many bytes.
    Range slice(std::size_t block_bytes, std::size_t index) const;
    // In how many messages any slice of that block is sent, even if it is empty itself: both ends must count the same.
    std::size_t messages(std::size_t block_bytes) const { return ceil_div(slice_bytes(block_bytes), frame_); }
    // What message m of the slice holds, relative to the slice's begin, or to the block's.
    Range within_slice(std::size_t block_bytes, std::size_t index, std::size_t message) const;
    Range part(std::size_t block_bytes, std::size_t index, std::size_t message) const;
    // As long as no slice of that block is longer.
    std::size_t slice_bytes(std::size_t block_bytes) const { return ceil_div(block_bytes / item_, ways_) * item_; }

private:
    std::size_t item_;
    int wires_;
    std::size_t ways_;
    std::size_t frame_;
};

// One exchange on every way, side by side; fill adds what goes over one.
template <class Fill>
void exchange_on_every_way(const Operation& operation, const Slices& slices, const Fill& fill) {
    ScratchVector<Flow> flows(operation.scratch());
    for (std::size_t index = 0; index < slices.ways(); ++index) {
        flows.push_back(operation.once(
            slices.frame(), [&slices, &fill, index](Exchange& exchange) { fill(exchange, slices.way(index), index); }));
    }
    operation.run(flows);
}

// A flow for each of these function objects, side by side.
template <class Flows>
void run_side_by_side(const Operation& operation, Flows& each) {
    ScratchVector<Flow> flows(operation.scratch());
    for (auto& one : each) flows.emplace_back(one);
    operation.run(flows);
}

} // namespace nc::jaccl::ring
