// Reduce-scatter in a ring: the partial result of every block goes around to its rank. MLX's sum_scatter, with any
// operator and with uneven blocks.
// Source: jaccl-wire.md, section 9.2.
#include "jaccl/ring/ways.h"

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

class ReduceScatterFlow {
public:
    // partial: room for two slices of every way.
    ReduceScatterFlow(const Operation& operation, const Blocks& blocks, const Slices& slices, int wire,
                      std::byte* partial)
        : operation_(operation), blocks_(blocks), slices_(slices), wire_(wire), partial_(partial) {}

    bool operator()(Exchange& exchange) {
        if (step_ == operation_.size - 1) return false;
        const int t = step_++;
        exchange.reset(slices_.frame());
        for (const Way way : {Way{wire_, 0}, Way{wire_, 1}}) {
            const int arriving = way.source(operation_, t + 2);
            const int leaving = way.source(operation_, t + 1);
            // Blocks may differ in length: on the way through, each of the ways keeps its slices in a place of its own.
            std::byte* const result =
                t == operation_.size - 2 ? operation_.output() + slice(arriving, way).begin : room(way, t);
            const std::byte* const from = t == 0 ? slice_of_input(leaving, way) : room(way, t - 1);
            exchange.receive(way.in(operation_), slices_.messages(blocks_[arriving].size),
                             [this, way, arriving, result](std::size_t message, const std::byte* buffer) {
                                 const Range part = part_of(arriving, way, message);
                                 operation_.combine(result + part.begin, buffer,
                                                    slice_of_input(arriving, way) + part.begin, part.size);
                             });
            exchange.send(way.out(operation_), slices_.messages(blocks_[leaving].size),
                          packed_from(from, [this, way, leaving](std::size_t message) {
                              return part_of(leaving, way, message);
                          }));
        }
        return true;
    }

private:
    const std::byte* slice_of_input(int block, const Way& way) const {
        return operation_.input() + blocks_[block].begin + slice(block, way).begin;
    }
    // The way's slice of a block, relative to the block's begin, and what a message holds of it.
    Range slice(int block, const Way& way) const { return slices_.slice(blocks_[block].size, slices_.index(way)); }
    Range part_of(int block, const Way& way, std::size_t message) const {
        return slices_.within_slice(blocks_[block].size, slices_.index(way), message);
    }
    // Alternating: what arrives in a step must not overwrite what leaves in it.
    std::byte* room(const Way& way, int step) const {
        return partial_ +
               (slices_.index(way) * 2 + static_cast<std::size_t>(step % 2)) * slices_.slice_bytes(blocks_.largest());
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
    const Blocks blocks = operation.is_uneven() ? announced_blocks(operation) : Blocks(operation.bytes());
    if (blocks.largest() == 0) return;
    const Slices slices(operation, blocks.largest(), wires_for(operation, blocks), operation.item);
    std::byte* const partial = operation.scratch().take(2 * slices.ways() * slices.slice_bytes(blocks.largest()));
    ScratchVector<ReduceScatterFlow> wires(operation.scratch());
    for (int wire = 0; wire < slices.wires(); ++wire) wires.emplace_back(operation, blocks, slices, wire, partial);
    run_side_by_side(operation, wires);
}

} // namespace nc::jaccl::ring
