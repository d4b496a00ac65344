#include "jaccl/message.h"

#include "operation/data_type.h"
#include "operation/traits.h"

namespace nc::jaccl {
namespace {

// Of two neighbours that are the same rank, data leaves on the left and arrives on the right.
bool is_left(const JacclGroup& group, int peer) {
    return peer == wrap(group.rank() - 1, group.size());
}
bool is_right(const JacclGroup& group, int peer) {
    return peer == wrap(group.rank() + 1, group.size());
}

bool goes_over_left(const JacclGroup& group, const nc_request& message) {
    return message.operation == NC_SEND ? is_left(group, message.peer) : !is_right(group, message.peer);
}

} // namespace

void require_supported(const JacclGroup& group, const nc_request& request) {
    if (!traits_of(request.operation).is_to_peer || group.fabric().topology == Topology::Mesh) return;
    if (is_left(group, request.peer) || is_right(group, request.peer)) return;
    throw Error(NC_NOT_SUPPORTED,
                text("in a ring a rank can ", request.operation == NC_SEND ? "send to" : "receive from",
                     " its neighbours only, which for rank ", group.rank(), " of ", group.size(), " are ",
                     wrap(group.rank() - 1, group.size()), " and ", wrap(group.rank() + 1, group.size()), ", not ",
                     request.peer, "; an all-to-all reaches every rank, and so does a mesh"))
        .still_in_step();
}

ScratchVector<MessagePart> message_parts(const JacclGroup& group, const nc_request& message, Scratch& scratch) {
    const std::size_t bytes = message.count * data_type_size(message.data_type);
    ScratchVector<MessagePart> parts(scratch);
    if (group.fabric().topology == Topology::Mesh) {
        parts.push_back({&group.to(message.peer), frame_size(group.settings().frames, bytes), {0, bytes}});
        return parts;
    }
    const std::size_t on_wire = ceil_div(bytes, static_cast<std::size_t>(group.fabric().wires));
    for (int wire = 0; wire < group.fabric().wires; ++wire) {
        Link& link = goes_over_left(group, message) ? group.left(wire) : group.right(wire);
        parts.push_back({&link, frame_size(group.settings().frames, on_wire),
                         piece(bytes, on_wire, static_cast<std::size_t>(wire))});
    }
    return parts;
}

void add_part(Exchange& exchange, const MessagePart& part, const nc_request& message) {
    const auto held = [whole = part.bytes, frame = part.frame](std::size_t number) {
        const Range within = piece(whole.size, frame, number);
        return Range{whole.begin + within.begin, within.size};
    };
    const std::size_t count = ceil_div(part.bytes.size, part.frame);
    if (message.operation == NC_SEND) {
        exchange.send(*part.link, count, packed_from(static_cast<const std::byte*>(message.send_buffer), held));
    } else {
        exchange.receive(*part.link, count, unpacked_to(static_cast<std::byte*>(message.receive_buffer), held));
    }
}

void move_message(const Operation& operation) {
    require_supported(operation.group(), operation.request);
    const auto parts = message_parts(operation.group(), operation.request, operation.scratch());
    operation.exchange(parts.front().frame, [&](Exchange& exchange) {
        for (const MessagePart& part : parts) add_part(exchange, part, operation.request);
    });
}

} // namespace nc::jaccl
