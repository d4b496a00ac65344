// Messages that a rank sends and receives side by side: one step of an operation.
//
// Source of the schedule: jaccl-wire.md, section 6. At most two messages are on their way on a link in each direction.
// Message m uses buffer m mod 2; the next one is sent when the one before in its buffer has been sent to all, and
// received when the one before in its buffer is no longer needed.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "jaccl/link.h"
#include "operation/blocks.h"
#include "operation/scratch.h"

namespace nc::jaccl {

class Exchange;

// Messages that go to one peer, or the same ones to all.
struct Outgoing {
    // Fills the buffer with what message m holds.
    using Pack = FunctionRef<void(std::size_t message, std::byte* buffer)>;

    std::vector<Link*> links;
    bool is_shared = false;
    std::size_t count = 0;
    Pack pack;
    // Message m + 2 waits until message m of all that are in step has been sent.
    bool is_in_step = false;
    // Messages from relayed_from on pass on what comes in here, in the same order.
    Incoming* relayed = nullptr;
    std::size_t relayed_from = 0;

    std::size_t posted = 0;
    std::size_t sent = 0;
    std::array<std::size_t, pipeline_depth> on_their_way{};
    Exchange* exchange = nullptr;
};

// Messages that come from one peer.
struct Incoming {
    using Consume = FunctionRef<void(std::size_t message, const std::byte* buffer)>;

    Link* link = nullptr;
    std::size_t count = 0;
    Consume consume;
    // The first so many are released by whoever holds or relays them.
    std::size_t held = 0;

    std::size_t posted = 0;
    std::size_t arrived = 0;
    std::size_t released = 0;
    Exchange* exchange = nullptr;

    bool has_arrived(std::size_t message) const { return arrived > message; }
    // The oldest message that is not released.
    std::byte* front() const { return link->receive_buffer(static_cast<int>(released % pipeline_depth)); }
};

class Exchange {
public:
    // What messages are filled and consumed by is kept in the scratch.
    explicit Exchange(Scratch& scratch) : scratch_(scratch) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // Makes it empty; every message that follows has that many bytes.
    void reset(std::size_t frame);

    template <class Pack>
    Outgoing& send(Link& link, std::size_t count, Pack pack) {
        Link* const links[] = {&link};
        return add_outgoing(links, count, scratch_.keep(std::move(pack)));
    }
    // The same to all of the links, from shared frames.
    template <class Pack>
    Outgoing& send_to_all(std::span<Link* const> links, std::size_t count, Pack pack) {
        Outgoing& outgoing = add_outgoing(links, count, scratch_.keep(std::move(pack)));
        outgoing.is_shared = true;
        return outgoing;
    }
    template <class Consume>
    Incoming& receive(Link& link, std::size_t count, Consume consume) {
        return add_incoming(link, count, scratch_.keep(std::move(consume)));
    }
    // Messages that are held, or relayed, all of them.
    Incoming& receive(Link& link, std::size_t count) {
        Incoming& incoming = add_incoming(link, count, nullptr);
        incoming.held = count;
        return incoming;
    }

    // Is called whenever something has arrived or been sent, for whoever holds messages.
    template <class Body>
    void on_progress(Body body) {
        progressed_ = scratch_.keep(std::move(body));
    }
    // The oldest message of these is no longer needed.
    void release(Incoming& incoming);

    // Posts the first messages. Throws Error.
    void start();
    std::size_t frame() const { return frame_; }
    bool done() const { return open_ == 0; }

    void sent(Outgoing& outgoing, int buffer);
    void arrived(Incoming& incoming);

private:
    Outgoing& add_outgoing(std::span<Link* const> links, std::size_t count, Outgoing::Pack pack);
    Incoming& add_incoming(Link& link, std::size_t count, Incoming::Consume consume);
    void advance();
    bool consume_next(Incoming& incoming);
    bool post_next(Outgoing& outgoing);
    void post_receive(Incoming& incoming);
    void post(Outgoing& outgoing);
    bool may_post(const Outgoing& outgoing) const;

    Scratch& scratch_;
    FunctionRef<void()> progressed_;
    std::size_t frame_ = smallest_frame;
    std::size_t open_ = 0; // streams that are not done
    // Kept from step to step.
    std::vector<std::unique_ptr<Outgoing>> outgoing_;
    std::vector<std::unique_ptr<Incoming>> incoming_;
    std::size_t outgoing_used_ = 0;
    std::size_t incoming_used_ = 0;
};

// What messages are filled from, or emptied to, where they hold parts of some memory; part says which.
template <class Part>
auto packed_from(const std::byte* data, Part part) {
    return [data, part](std::size_t message, std::byte* buffer) {
        const Range range = part(message);
        std::memcpy(buffer, data + range.begin, range.size);
    };
}
template <class Part>
auto unpacked_to(std::byte* data, Part part) {
    return [data, part](std::size_t message, const std::byte* buffer) {
        const Range range = part(message);
        std::memcpy(data + range.begin, buffer, range.size);
    };
}

} // namespace nc::jaccl
