// All-gather in a ring: every block goes around. The layout that MLX intends and had before v0.32.1: jaccl-wire.md,
// section 9.4.
#include <algorithm>

#include "jaccl/first_messages.h"
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {
namespace {

class AllGatherFlow {
public:
    AllGatherFlow(const Operation& operation, const Blocks& blocks, const Slices& slices, int wire, std::byte* output,
                  FirstMessages* first)
        : operation_(operation), blocks_(blocks), slices_(slices), wire_(wire), output_(output), first_(first) {}

    bool operator()(Exchange& exchange) {
        if (step_ == operation_.size - 1) return false;
        const int t = step_++;
        exchange.reset(slices_.frame());
        for (const Way way : {Way{wire_, 0}, Way{wire_, 1}}) {
            const int arriving = way.source(operation_, t + 1);
            const int leaving = way.source(operation_, t);
            exchange.receive(way.in(operation_), slices_.messages(blocks_[arriving].size),
                             [this, way, arriving](std::size_t message, const std::byte* buffer) {
                                 const Range part = part_of(arriving, way, message);
                                 std::memcpy(output_ + part.begin, buffer, part.size);
                                 // A header begins where a block does.
                                 const bool begins = message == 0 && way.wire == 0 && way.direction == 0;
                                 if (begins && first_ != nullptr) first_->note(arriving, buffer);
                             });
            exchange.send(way.out(operation_), slices_.messages(blocks_[leaving].size),
                          [this, way, leaving](std::size_t message, std::byte* buffer) {
                              const Range part = part_of(leaving, way, message);
                              std::memcpy(buffer, output_ + part.begin, part.size);
                              clear_old_header(buffer, part.size);
                          });
        }
        return true;
    }

private:
    // What a message of the way holds of a block, in the output.
    Range part_of(int block, const Way& way, std::size_t message) const {
        const Range part = slices_.part(blocks_[block].size, slices_.index(way), message);
        return {blocks_[block].begin + part.begin, part.size};
    }

    const Operation& operation_;
    const Blocks& blocks_;
    const Slices& slices_;
    int wire_;
    std::byte* output_;
    FirstMessages* first_;
    int step_ = 0;
};

// Over that many wires. first: who is to know what came first; or null.
void gather_blocks(const Operation& operation, const std::byte* own, const Blocks& blocks, std::byte* output,
                   int over_wires, FirstMessages* first) {
    const Range mine = blocks[operation.rank];
    copy_block(output + mine.begin, own, mine.size);
    if (blocks.largest() == 0) return;
    const Slices slices(operation, blocks.largest(), over_wires, 1);
    ScratchVector<AllGatherFlow> wires(operation.scratch());
    for (int wire = 0; wire < over_wires; ++wire) wires.emplace_back(operation, blocks, slices, wire, output, first);
    run_side_by_side(operation, wires);
}

// MLX v0.32.1 and v0.32.2 send stale bytes in most of these messages, and nothing on the wire tells: section 9.4.
void require_working_peers(const Operation& operation) {
    const std::vector<bool>& is_ours = operation.group().fabric().is_ours;
    const auto foreign = std::find(is_ours.begin(), is_ours.end(), false);
    if (foreign == is_ours.end() || operation.group().settings().mlx_ring_all_gather) return;
    const auto peer = static_cast<int>(foreign - is_ours.begin());
    throw Error(
        NC_NOT_SUPPORTED,
        text("rank ", peer,
             " is not one of this library's, and in a ring all-gather MLX v0.32.1 and v0.32.2 send wrong data. ",
             "If all of MLX's ranks have a release without that fault, set mlx_ring_all_gather "
             "(JacclOptions.MlxRingAllGather); ",
             "a mesh is not concerned"),
        peer)
        .still_in_step();
}

} // namespace

void all_gather(const Operation& operation) {
    // One that is announced: no rank of MLX answers it.
    if (operation.is_uneven()) {
        const Blocks blocks = announced_blocks(operation);
        return gather_blocks(operation, operation.input(), blocks, operation.output(), operation.wires, nullptr);
    }
    // Of nothing, nothing is sent.
    if (operation.bytes() > 0) require_working_peers(operation);
    FirstMessages first(operation);
    first.check([&] {
        gather_blocks(operation, operation.input(), Blocks(operation.bytes()), operation.output(), operation.wires,
                      &first);
    });
}

void gather_bytes(const Operation& operation, const void* own, std::size_t bytes, void* all) {
    gather_blocks(operation, static_cast<const std::byte*>(own), Blocks(bytes), static_cast<std::byte*>(all), 1,
                  nullptr);
}

} // namespace nc::jaccl::ring
