#include "jaccl/exchange.h"

#include <algorithm>

namespace nc::jaccl {

void Exchange::reset(std::size_t frame) {
    frame_ = frame;
    open_ = 0;
    outgoing_used_ = 0;
    incoming_used_ = 0;
    progressed_ = nullptr;
}

Outgoing& Exchange::add_outgoing(std::span<Link* const> links, std::size_t count, Outgoing::Pack pack) {
    if (outgoing_used_ == outgoing_.size()) outgoing_.push_back(std::make_unique<Outgoing>());
    Outgoing& outgoing = *outgoing_[outgoing_used_++];
    std::vector<Link*> memory = std::move(outgoing.links);
    outgoing = Outgoing{};
    outgoing.links = std::move(memory);
    outgoing.links.assign(links.begin(), links.end());
    outgoing.count = count;
    outgoing.pack = pack;
    outgoing.exchange = this;
    return outgoing;
}

Incoming& Exchange::add_incoming(Link& link, std::size_t count, Incoming::Consume consume) {
    if (incoming_used_ == incoming_.size()) incoming_.push_back(std::make_unique<Incoming>());
    Incoming& incoming = *incoming_[incoming_used_++];
    incoming = Incoming{};
    incoming.link = &link;
    incoming.count = count;
    incoming.consume = consume;
    incoming.exchange = this;
    return incoming;
}

void Exchange::start() {
    const std::span outgoing(outgoing_.data(), outgoing_used_);
    const std::span incoming(incoming_.data(), incoming_used_);
    for (const auto& one : outgoing) {
        if (one->count == 0) continue;
        ++open_;
        for (Link* link : one->links) link->outgoing = one.get();
    }
    for (const auto& one : incoming) {
        if (one->count == 0) continue;
        ++open_;
        one->link->incoming = one.get();
    }
    for (std::size_t message = 0; message < pipeline_depth; ++message) {
        for (const auto& one : incoming) {
            if (message < one->count) post_receive(*one);
        }
        for (const auto& one : outgoing) {
            if (one->posted == message && may_post(*one)) post(*one);
        }
    }
}

void Exchange::sent(Outgoing& outgoing, int buffer) {
    if (--outgoing.on_their_way[static_cast<std::size_t>(buffer)] > 0) return;
    if (++outgoing.sent == outgoing.count) {
        --open_;
        for (Link* link : outgoing.links) link->outgoing = nullptr;
    }
    advance();
}

void Exchange::arrived(Incoming& incoming) {
    ++incoming.arrived;
    advance();
}

void Exchange::advance() {
    for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t i = 0; i < incoming_used_; ++i) {
            while (consume_next(*incoming_[i])) moved = true;
        }
        for (std::size_t i = 0; i < outgoing_used_; ++i) {
            while (post_next(*outgoing_[i])) moved = true;
        }
    }
    if (progressed_) progressed_();
}

bool Exchange::consume_next(Incoming& incoming) {
    const std::size_t message = incoming.released;
    if (message < incoming.held || !incoming.has_arrived(message)) return false;
    incoming.consume(message, incoming.front());
    release(incoming);
    return true;
}

void Exchange::release(Incoming& incoming) {
    if (++incoming.released == incoming.count) {
        --open_;
        incoming.link->incoming = nullptr;
    }
    if (incoming.posted < incoming.count) post_receive(incoming);
}

bool Exchange::may_post(const Outgoing& outgoing) const {
    const std::size_t message = outgoing.posted;
    if (message >= outgoing.count || outgoing.on_their_way[message % pipeline_depth] > 0) return false;
    if (outgoing.is_in_step && message >= pipeline_depth) {
        for (std::size_t i = 0; i < outgoing_used_; ++i) {
            const Outgoing& other = *outgoing_[i];
            if (other.is_in_step && other.sent < std::min(other.count, message - pipeline_depth + 1)) return false;
        }
    }
    return outgoing.relayed == nullptr || message < outgoing.relayed_from ||
           outgoing.relayed->has_arrived(message - outgoing.relayed_from);
}

bool Exchange::post_next(Outgoing& outgoing) {
    if (!may_post(outgoing)) return false;
    post(outgoing);
    return true;
}

void Exchange::post(Outgoing& outgoing) {
    const std::size_t message = outgoing.posted++;
    const auto buffer = static_cast<int>(message % pipeline_depth);
    outgoing.pack(message, outgoing.is_shared ? outgoing.links.front()->shared_buffer(buffer)
                                              : outgoing.links.front()->send_buffer(buffer));
    outgoing.on_their_way[static_cast<std::size_t>(buffer)] = outgoing.links.size();
    for (Link* link : outgoing.links) link->post_send(buffer, frame_, outgoing.is_shared);
    if (outgoing.relayed != nullptr && message >= outgoing.relayed_from) release(*outgoing.relayed);
}

void Exchange::post_receive(Incoming& incoming) {
    incoming.link->post_receive(static_cast<int>(incoming.posted++ % pipeline_depth), frame_);
}

} // namespace nc::jaccl
