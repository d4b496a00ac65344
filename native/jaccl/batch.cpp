// Several operations as one: the messages on all connections at the same time, then the collective operations.
#include "operation/batch.h"

#include <algorithm>

#include "jaccl/message.h"

namespace nc::jaccl {
namespace {

// The messages of one connection in one direction, one behind the other.
class MessageFlow {
public:
    MessageFlow(const Batch& batch, const Link& link, nc_operation operation, Scratch& scratch)
        : batch_(&batch), link_(&link), operation_(operation), messages_(scratch) {}

    bool is_of(const Link& link, nc_operation operation) const { return link_ == &link && operation_ == operation; }
    void add(std::size_t place, const MessagePart& part) { messages_.push_back({place, part}); }

    bool operator()(Exchange& exchange) {
        ended_ = next_ == messages_.size();
        if (ended_) return false;
        const Message& message = messages_[next_++];
        exchange.reset(message.part.frame);
        add_part(exchange, message.part, (*batch_)[message.place]);
        return true;
    }

    bool has_ended() const { return ended_; }
    int peer() const { return link_->peer(); }
    // The place of the message that is under way.
    std::size_t current() const { return messages_[next_ > 0 ? next_ - 1 : 0].place; }

private:
    struct Message {
        std::size_t place;
        MessagePart part;
    };

    const Batch* batch_;
    const Link* link_;
    nc_operation operation_;
    ScratchVector<Message> messages_;
    std::size_t next_ = 0;
    bool ended_ = false;
};

using MessageFlows = ScratchVector<MessageFlow>;

MessageFlows flows_of(const Batch& batch, const JacclGroup& group, Scratch& scratch) {
    MessageFlows flows(scratch);
    for (const std::size_t place : batch.messages()) {
        const nc_request& message = batch[place];
        for (const MessagePart& part : message_parts(group, message, scratch)) {
            auto flow = std::ranges::find_if(
                flows, [&](const MessageFlow& one) { return one.is_of(*part.link, message.operation); });
            if (flow == flows.end())
                flow = flows.insert(flow, MessageFlow(batch, *part.link, message.operation, scratch));
            flow->add(place, part);
        }
    }
    return flows;
}

// The first message that has not ended, with the peer that is to blame, if there is one.
std::size_t unfinished(const Batch& batch, const MessageFlows& flows, int peer) {
    std::size_t first = batch.messages().front();
    bool found = false;
    for (const bool with_peer : {true, false}) {
        for (const MessageFlow& flow : flows) {
            if (flow.has_ended() || (with_peer && flow.peer() != peer)) continue;
            first = found ? std::min(first, flow.current()) : flow.current();
            found = true;
        }
        if (found) break;
    }
    return first;
}

void move_messages(JacclGroup& group, const Batch& batch, const nc_call& call) {
    if (batch.messages().empty()) return;
    const Operation messages(group, batch[batch.messages().front()], call, NC_BATCH);
    MessageFlows flows = flows_of(batch, group, messages.scratch());
    ScratchVector<Flow> running(messages.scratch());
    for (MessageFlow& flow : flows) running.emplace_back(flow);
    try {
        messages.run(running);
    } catch (const Error& error) {
        throw error.of_request(unfinished(batch, flows, error.peer));
    }
}

} // namespace

void run_batch(JacclGroup& group, std::span<const nc_request> requests, const nc_call& call) {
    require_each(requests, [&](const nc_request& request) { require_supported(group, request); });
    const Batch batch(requests, group.rank(), group.size(), group.engine().scratch());
    move_messages(group, batch, call);
    if (!batch.has_collectives()) return;
    Operation(group, requests.front(), call, NC_BATCH).announce(batch.header());
    const auto run = [&](const nc_request& request) {
        Operation(group, request, call, NC_OPERATION_NONE, Announced::InBatch).run();
    };
    batch.run_collectives(run);
}

} // namespace nc::jaccl
