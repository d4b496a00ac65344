// Reduce-scatter in a ring: the partial result of every block goes around to its rank. MLX's sum_scatter, with any
// operator and with uneven blocks.
// Source: jaccl-wire.md, section 9.2.
#include "jaccl/ring/lanes.h"

namespace nc::jaccl::ring {
namespace {

constexpr std::size_t largest_on_one_wire = 65'536; // bytes of a block

struct Plan {
    Plan(const Operation& operation, const Blocks& of) : blocks(of), item(operation.item) {
        const std::size_t largest = blocks.largest() / item;
        const auto n = static_cast<std::size_t>(operation.size);
        wires =
            blocks.largest() <= largest_on_one_wire || n * largest < 2 * n * static_cast<std::size_t>(operation.wires)
                ? 1
                : operation.wires;
        frame = operation.frame(slice_bytes(blocks.largest()));
    }

    std::size_t slice_bytes(std::size_t block) const {
        return ceil_div(block / item, 2 * static_cast<std::size_t>(wires)) * item;
    }
    // What a lane keeps of a block on its way.
    std::size_t room_bytes() const { return slice_bytes(blocks.largest()); }
    std::size_t messages(int block) const { return ceil_div(slice_bytes(blocks[block].size), frame); }
    std::size_t lane_index(const Lane& lane) const {
        return static_cast<std::size_t>(lane.direction * wires + lane.wire);
    }
    // The lane's slice of a block, relative to the block's begin, and what a message holds of it.
    Range slice(int block, const Lane& lane) const {
        return piece(blocks[block].size, slice_bytes(blocks[block].size), lane_index(lane));
    }
    Range part(int block, const Lane& lane, std::size_t message) const {
        return piece(slice(block, lane).size, frame, message);
    }

    const Blocks& blocks;
    std::size_t item;
    int wires;
    std::size_t frame;
};

class WireFlow {
public:
    // partial: room for two slices of every lane.
    WireFlow(const Operation& operation, const Plan& plan, int wire, std::byte* partial)
        : operation_(operation), plan_(plan), wire_(wire), partial_(partial) {}

    bool operator()(Exchange& exchange) {
        if (step_ == operation_.size - 1) return false;
        const int t = step_++;
        exchange.reset(plan_.frame);
        for (const Lane lane : {Lane{wire_, 0}, Lane{wire_, 1}}) {
            const int arriving = lane.source(operation_, t + 2);
            const int leaving = lane.source(operation_, t + 1);
            // Blocks may differ in length: on their way every lane keeps its slices in a place of its own.
            std::byte* const result =
                t == operation_.size - 2 ? operation_.output() + plan_.slice(arriving, lane).begin : room(lane, t);
            const std::byte* const from = t == 0 ? slice_of_input(leaving, lane) : room(lane, t - 1);
            exchange.receive(lane.in(operation_), plan_.messages(arriving),
                             [this, lane, arriving, result](std::size_t message, const std::byte* buffer) {
                                 const Range part = plan_.part(arriving, lane, message);
                                 operation_.combine(result + part.begin, buffer,
                                                    slice_of_input(arriving, lane) + part.begin, part.size);
                             });
            exchange.send(lane.out(operation_), plan_.messages(leaving),
                          [this, lane, leaving, from](std::size_t message, std::byte* buffer) {
                              const Range part = plan_.part(leaving, lane, message);
                              std::memcpy(buffer, from + part.begin, part.size);
                          });
        }
        return true;
    }

private:
    const std::byte* slice_of_input(int block, const Lane& lane) const {
        return operation_.input() + plan_.blocks[block].begin + plan_.slice(block, lane).begin;
    }
    // Alternating: what arrives in a step must not overwrite what leaves in it.
    std::byte* room(const Lane& lane, int step) const {
        return partial_ + (plan_.lane_index(lane) * 2 + static_cast<std::size_t>(step % 2)) * plan_.room_bytes();
    }

    const Operation& operation_;
    const Plan& plan_;
    int wire_;
    std::byte* partial_;
    int step_ = 0;
};

} // namespace

void reduce_scatter(const Operation& operation) {
    const Blocks blocks = operation.is_uneven() ? operation.announced_blocks() : Blocks(operation.bytes());
    if (blocks.largest() == 0) return;
    const Plan plan(operation, blocks);
    std::byte* const partial = operation.scratch().take(4 * static_cast<std::size_t>(plan.wires) * plan.room_bytes());
    ScratchVector<WireFlow> wires(operation.scratch());
    for (int wire = 0; wire < plan.wires; ++wire) wires.emplace_back(operation, plan, wire, partial);
    run_side_by_side(operation, wires);
}

} // namespace nc::jaccl::ring
