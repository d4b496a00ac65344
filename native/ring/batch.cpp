// Several operations as one: the messages on all connections at the same time, then the collective operations.
#include "operation/batch.h"

#include <algorithm>

#include "ring/operation.h"

namespace nc::ring {
namespace {

bool holds(const void* buffer, std::size_t bytes, const std::byte* at) {
    const auto* begin = static_cast<const std::byte*>(buffer);
    return at != nullptr && at >= begin && at < begin + bytes;
}

bool is_next(const nc_request& message, Lanes lanes) {
    const std::size_t bytes = message.count * data_type_size(message.data_type);
    return std::ranges::any_of(lanes, [&](const auto& lane) {
        return message.operation == NC_SEND ? holds(message.send_buffer, bytes, lane->next_out())
                                            : holds(message.receive_buffer, bytes, lane->next_in());
    });
}

// The first message that has not ended, with the peer that is to blame, if there is one.
std::size_t unfinished(const Batch& batch, Lanes lanes, int peer) {
    for (const bool with_peer : {true, false}) {
        for (const std::size_t place : batch.messages()) {
            if ((!with_peer || batch[place].peer == peer) && is_next(batch[place], lanes)) return place;
        }
    }
    return batch.messages().front();
}

// Every connection takes its messages in the order in which they stand in the batch, those that leave beside those that
// arrive.
void move_messages(RingGroup& ring, const Batch& batch, const nc_call& call) {
    if (batch.messages().empty()) return;
    nc_request whole = batch[batch.messages().front()];
    whole.operation = NC_BATCH;
    Operation messages(ring, whole, call);
    bool sends = false;
    for (const std::size_t place : batch.messages()) {
        sends |= batch[place].operation == NC_SEND;
        add_message(messages, batch[place]);
    }
    try {
        messages.move(sends ? ring.links() : std::span<Link* const>());
    } catch (const Error& error) {
        throw error.of_request(unfinished(batch, messages.open_lanes(), error.peer));
    }
}

} // namespace

void run_batch(RingGroup& ring, std::span<const nc_request> requests, const nc_call& call) {
    require_each(requests, [&](const nc_request& request) { require_supported(request, ring.rank(), ring.size()); });
    ring.scratch().clear();
    const Batch batch(requests, ring.rank(), ring.size(), ring.scratch());
    move_messages(ring, batch, call);
    if (!batch.has_collectives()) return;
    Announcement announcement{batch.header(), true};
    const auto run = [&](const nc_request& request) { Operation(ring, request, call, announcement).run(); };
    batch.run_collectives(run);
}

} // namespace nc::ring
