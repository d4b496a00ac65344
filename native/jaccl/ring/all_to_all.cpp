// All-to-all in a ring: in step t every rank passes on the blocks that come from the rank t - 1 hops behind and are for
// ranks further on.
#include <algorithm>

#include "jaccl/ring/message_list.h"
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {
namespace {

// Data on its way through a rank takes at most about this much memory, whatever the operation moves.
constexpr std::size_t transit_limit = std::size_t{64} << 20;
constexpr std::size_t smallest_round = 64 * 1024;

struct AllToAllPlan {
    explicit AllToAllPlan(const Operation& of_operation)
        : operation(of_operation), matrix(announced_matrix(of_operation)) {
        const auto held = static_cast<std::size_t>(2 * std::max(operation.size - 2, 1));
        const std::size_t most = std::max(smallest_round, transit_limit / held) / operation.item * operation.item;
        round_bytes = std::min(matrix.largest(), most);
        rounds = round_bytes == 0 ? 0 : ceil_div(matrix.largest(), round_bytes);
    }

    // What a round moves of the block, relative to its begin.
    Range in_round(int from, int to, std::size_t round) const {
        return piece(matrix.between(from, to), round_bytes, round);
    }

    const Operation& operation;
    const BlockMatrix matrix;
    std::size_t round_bytes;
    std::size_t rounds;
};

class AllToAllFlow {
public:
    // transit: room for twice size - 2 slices of every way.
    AllToAllFlow(const AllToAllPlan& plan, const Slices& slices, std::size_t index, std::size_t round,
                 std::byte* transit)
        : plan_(plan), slices_(slices), index_(index), round_(round), transit_(transit) {}

    bool operator()(Exchange& exchange) {
        const Operation& operation = plan_.operation;
        if (++step_ == operation.size) return false;
        const Way way = slices_.way(index_);
        exchange.reset(slices_.frame());

        MessageList own(slices_, index_, operation.scratch());
        MessageList passing(slices_, index_, operation.scratch());
        const int origin = way.source(operation, step_);
        const Range block = plan_.in_round(origin, operation.rank, round_);
        own.add({plan_.matrix.received()[origin].begin + block.begin, block.size});
        for (int hops = step_ + 1; hops < operation.size; ++hops)
            passing.add_slice(slot(hops), plan_.in_round(origin, way.source(operation, step_ - hops), round_).size);
        std::byte* const keep = half(step_);
        exchange.receive(way.in(operation), own.count() + passing.count(),
                         [&operation, own, passing, keep](std::size_t message, const std::byte* buffer) {
                             const bool is_own = message < own.count();
                             const Range part = is_own ? own.part(message) : passing.part(message - own.count());
                             std::memcpy((is_own ? operation.output() : keep) + part.begin, buffer, part.size);
                         });

        MessageList leaving(slices_, index_, operation.scratch());
        for (int hops = step_; hops < operation.size; ++hops) {
            const int from = way.source(operation, step_ - 1);
            const int to = way.source(operation, step_ - 1 - hops);
            const Range range = plan_.in_round(from, to, round_);
            if (step_ == 1) {
                leaving.add({plan_.matrix.sent()[to].begin + range.begin, range.size});
            } else {
                leaving.add_slice(slot(hops), range.size);
            }
        }
        const std::byte* const from = step_ == 1 ? operation.input() : half(step_ - 1);
        exchange.send(way.out(operation), leaving.count(), packed_from(from, leaving));
        return true;
    }

private:
    std::size_t slice_bytes() const { return slices_.slice_bytes(plan_.round_bytes); }
    // Where the slice of a block on its way is kept that has so many hops to go in all.
    std::size_t slot(int hops) const { return static_cast<std::size_t>(hops - 2) * slice_bytes(); }
    // Alternating: what arrives in a step must not overwrite what leaves in it.
    std::byte* half(int step) const {
        return transit_ + (index_ * 2 + static_cast<std::size_t>(step % 2)) *
                              static_cast<std::size_t>(plan_.operation.size - 2) * slice_bytes();
    }

    const AllToAllPlan& plan_;
    const Slices& slices_;
    std::size_t index_;
    std::size_t round_;
    std::byte* transit_;
    int step_ = 0;
};

} // namespace

void all_to_all(const Operation& operation) {
    const AllToAllPlan plan(operation);
    const Slices slices(operation, plan.round_bytes);
    std::byte* const transit = operation.scratch().take(
        2 * slices.ways() * static_cast<std::size_t>(operation.size - 2) * slices.slice_bytes(plan.round_bytes));
    const Scratch::Mark mark = operation.scratch().mark();
    for (std::size_t round = 0; round < plan.rounds; ++round) {
        ScratchVector<AllToAllFlow> ways(operation.scratch());
        for (std::size_t index = 0; index < slices.ways(); ++index)
            ways.emplace_back(plan, slices, index, round, transit);
        run_side_by_side(operation, ways);
        operation.scratch().rewind(mark);
    }
    const Range own = plan.matrix.sent()[operation.rank];
    copy_block(operation.output() + plan.matrix.received()[operation.rank].begin, operation.input() + own.begin,
               own.size);
}

} // namespace nc::jaccl::ring
