// All-reduce in a ring: every chunk goes around once and is combined on its way, then once more to everybody. Source:
// jaccl-wire.md, section 9.1.
#include <algorithm>

#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {
namespace {

constexpr std::size_t largest_one_way = 32'768; // bytes

// Sizes in elements.
struct AllReducePlan {
    explicit AllReducePlan(const Operation& operation) : count(operation.request.count) {
        const auto n = static_cast<std::size_t>(operation.size);
        const bool one_way =
            operation.bytes() <= largest_one_way || count < 2 * n * static_cast<std::size_t>(operation.wires);
        directions = one_way ? 1 : 2;
        wires = one_way ? 1 : operation.wires;
        chunk = ceil_div(count, n);
        slice = ceil_div(chunk, static_cast<std::size_t>(directions * wires));
        frame = operation.frame(slice * operation.item);
        in_message = frame / operation.item;
        messages = ceil_div(slice, in_message);
    }

    // Of the whole array: what a message of the way holds of a chunk; may be empty.
    Range part(int of_chunk, const Way& way, std::size_t message) const {
        const std::size_t begin = static_cast<std::size_t>(way.direction * wires + way.wire) * slice;
        const std::size_t end =
            std::min({chunk, static_cast<std::size_t>((way.direction + 1) * wires) * slice, begin + slice});
        const std::size_t in_chunk = begin + message * in_message;
        const std::size_t first = static_cast<std::size_t>(of_chunk) * chunk + in_chunk;
        const std::size_t last =
            std::min(static_cast<std::size_t>(of_chunk) * chunk + std::min(end, in_chunk + in_message), count);
        return {std::min(first, count), last > first ? last - first : 0};
    }

    std::size_t count;
    int directions;
    int wires;
    std::size_t chunk;
    std::size_t slice;
    std::size_t frame;
    std::size_t in_message;
    std::size_t messages;
};

class AllReduceFlow {
public:
    AllReduceFlow(const Operation& operation, const AllReducePlan& plan, int wire)
        : operation_(operation), plan_(plan), wire_(wire) {}

    bool operator()(Exchange& exchange) {
        const int n = operation_.size;
        if (step_ == 2 * n - 2) return false;
        const int t = step_++;
        exchange.reset(plan_.frame);
        for (int direction = 0; direction < plan_.directions; ++direction) {
            const Way way{wire_, direction};
            const int arriving = way.source(operation_, t + 1);
            const int leaving = way.source(operation_, t);
            exchange.receive(way.in(operation_), plan_.messages,
                             [this, way, arriving, combines = t < n - 1](std::size_t message, const std::byte* buffer) {
                                 const Range part = in_bytes(plan_.part(arriving, way, message));
                                 if (combines) {
                                     operation_.combine(operation_.output() + part.begin,
                                                        operation_.input() + part.begin, buffer, part.size);
                                 } else {
                                     std::memcpy(operation_.output() + part.begin, buffer, part.size);
                                 }
                             });
            const std::byte* const from = t == 0 ? operation_.input() : operation_.output();
            exchange.send(way.out(operation_), plan_.messages,
                          packed_from(from, [this, way, leaving](std::size_t message) {
                              return in_bytes(plan_.part(leaving, way, message));
                          }));
        }
        return true;
    }

private:
    Range in_bytes(Range elements) const { return {elements.begin * operation_.item, elements.size * operation_.item}; }

    const Operation& operation_;
    const AllReducePlan& plan_;
    int wire_;
    int step_ = 0;
};

} // namespace

void all_reduce(const Operation& operation) {
    if (operation.request.count == 0) return;
    const AllReducePlan plan(operation);
    ScratchVector<AllReduceFlow> wires(operation.scratch());
    for (int wire = 0; wire < plan.wires; ++wire) wires.emplace_back(operation, plan, wire);
    run_side_by_side(operation, wires);
}

} // namespace nc::jaccl::ring
