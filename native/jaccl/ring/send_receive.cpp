// Point-to-point messages between neighbours in a ring, over all wires. Source: jaccl-wire.md, section 9.3.
#include "jaccl/ring/ways.h"

namespace nc::jaccl::ring {
namespace {

// Of two neighbours that are the same rank, data leaves on the left and arrives on the right.
bool goes_left(const Operation& operation) {
    return operation.request.peer == wrap(operation.rank - 1, operation.size);
}
bool comes_from_right(const Operation& operation) {
    return operation.request.peer == wrap(operation.rank + 1, operation.size);
}

void require_neighbour(const Operation& operation) {
    if (goes_left(operation) || comes_from_right(operation)) return;
    throw Error(NC_NOT_SUPPORTED,
                text("in a ring a rank can ", operation.request.operation == NC_SEND ? "send to" : "receive from",
                     " its neighbours only, which for rank ", operation.rank, " of ", operation.size, " are ",
                     wrap(operation.rank - 1, operation.size), " and ", wrap(operation.rank + 1, operation.size),
                     ", not ", operation.request.peer))
        .still_in_step();
}

// Bytes that go over each wire, and how they are cut.
struct MessagePlan {
    explicit MessagePlan(const Operation& operation)
        : bytes(operation.bytes()),
          on_wire(ceil_div(bytes, static_cast<std::size_t>(operation.wires))),
          frame(operation.frame(on_wire)) {}
    Range on(int wire) const { return piece(bytes, on_wire, static_cast<std::size_t>(wire)); }
    std::size_t messages(int wire) const { return ceil_div(on(wire).size, frame); }
    // What each message holds.
    auto parts_on(int wire) const {
        return [whole = on(wire), length = frame](std::size_t message) {
            const Range part = piece(whole.size, length, message);
            return Range{whole.begin + part.begin, part.size};
        };
    }

    std::size_t bytes;
    std::size_t on_wire;
    std::size_t frame;
};

} // namespace

void send(const Operation& operation) {
    require_neighbour(operation);
    const MessagePlan plan(operation);
    operation.exchange(plan.frame, [&](Exchange& exchange) {
        for (int wire = 0; wire < operation.wires; ++wire) {
            Link& link = goes_left(operation) ? operation.group().left(wire) : operation.group().right(wire);
            exchange.send(link, plan.messages(wire), packed_from(operation.input(), plan.parts_on(wire)));
        }
    });
}

void receive(const Operation& operation) {
    require_neighbour(operation);
    const MessagePlan plan(operation);
    operation.exchange(plan.frame, [&](Exchange& exchange) {
        for (int wire = 0; wire < operation.wires; ++wire) {
            Link& link = comes_from_right(operation) ? operation.group().right(wire) : operation.group().left(wire);
            exchange.receive(link, plan.messages(wire), unpacked_to(operation.output(), plan.parts_on(wire)));
        }
    });
}

} // namespace nc::jaccl::ring
