// Reduce-scatter in a ring: the partial result of every block goes around to its rank. MLX's sum_scatter, with any
// operator and with uneven blocks.
// Source: jaccl-wire.md, section 9.2.
#include "jaccl/ring/lanes.h"

namespace nc::jaccl::ring {
namespace {

constexpr std::size_t largest_on_one_wire = 65'536; // bytes of a block

int wires_for(const Operation& operation, const Blocks& blocks) {
    const std::size_t largest = blocks.largest() / operation.item;
    const auto n = static_cast<std::size_t>(operation.size);
    const bool on_one =
        blocks.largest() <= largest_on_one_wire || n * largest < 2 * n * static_cast<std::size_t>(operation.wires);
    return on_one ? 1 : operation.wires;
}

class WireFlow {
public:
    // partial: room for two slices of every lane.
    WireFlow(const Operation& operation, const Blocks& blocks, const Slices& slices, int wire, std::byte* partial)
        : operation_(operation), blocks_(blocks), slices_(slices), wire_(wire), partial_(partial) {}

    bool operator()(Exchange& exchange) {
        if (step_ == operation_.size - 1) return false;
        const int t = step_++;
        exchange.reset(slices_.frame());
        for (const Lane lane : {Lane{wire_, 0}, Lane{wire_, 1}}) {
            const int arriving = lane.source(operation_, t + 2);
            const int leaving = lane.source(operation_, t + 1);
            // Blocks may differ in length: on their way every lane keeps its slices in a place of its own.
            std::byte* const result =
                t == operation_.size - 2 ? operation_.output() + slice(arriving, lane).begin : room(lane, t);
            const std::byte* const from = t == 0 ? slice_of_input(leaving, lane) : room(lane, t - 1);
            exchange.receive(lane.in(operation_), slices_.messages(blocks_[arriving].size),
                             [this, lane, arriving, result](std::size_t message, const std::byte* buffer) {
                                 const Range part = part_of(arriving, lane, message);
                                 operation_.combine(result + part.begin, buffer,
                                                    slice_of_input(arriving, lane) + part.begin, part.size);
                             });
            exchange.send(lane.out(operation_), slices_.messages(blocks_[leaving].size),
                          packed_from(from, [this, lane, leaving](std::size_t message) {
                              return part_of(leaving, lane, message);
                          }));
        }
        return true;
    }

private:
    const std::byte* slice_of_input(int block, const Lane& lane) const {
        return operation_.input() + blocks_[block].begin + slice(block, lane).begin;
    }
    // The lane's slice of a block, relative to the block's begin, and what a message holds of it.
    Range slice(int block, const Lane& lane) const { return slices_.slice(blocks_[block].size, slices_.index(lane)); }
    Range part_of(int block, const Lane& lane, std::size_t message) const {
        return slices_.within_slice(blocks_[block].size, slices_.index(lane), message);
    }
    // Alternating: what arrives in a step must not overwrite what leaves in it.
    std::byte* room(const Lane& lane, int step) const {
        return partial_ +
               (slices_.index(lane) * 2 + static_cast<std::size_t>(step % 2)) * slices_.slice_bytes(blocks_.largest());
    }

    const Operation& operation_;
    const Blocks& blocks_;
    const Slices& slices_;
    int wire_;
    std::byte* partial_;
    int step_ = 0;
};

} // namespace

void reduce_scatter(const Operation& operation) {
    const Blocks blocks = operation.is_uneven() ? operation.announced_blocks() : Blocks(operation.bytes());
    if (blocks.largest() == 0) return;
    const Slices slices(operation, blocks.largest(), wires_for(operation, blocks), operation.item);
    std::byte* const partial = operation.scratch().take(2 * slices.lanes() * slices.slice_bytes(blocks.largest()));
    ScratchVector<WireFlow> wires(operation.scratch());
    for (int wire = 0; wire < slices.wires(); ++wire) wires.emplace_back(operation, blocks, slices, wire, partial);
    run_side_by_side(operation, wires);
}

} // namespace nc::jaccl::ring
