// A lane is one slice's way around the ring: bytes that go out to one neighbour while others come in from the other.
//
// What a rank sends after its first step is what it has received in the step before (and combined with its own). So all
// that orders a lane is: outgoing item k may not overtake the incoming item that it forwards. Within that, bytes
// stream: an item is passed on while it still arrives. Receiving does not wait for sending, which rules out the
// deadlock of ranks that all send first; but what only passes through may not overtake the item before it that passes
// through, whose memory it takes. That is no deadlock: where all ranks wait for their neighbours in this way, each
// one's position is behind the next one's by what is on its way between them, all around the ring.
#pragma once

#include <cstddef>
#include <vector>

#include "operation/reduction.h"
#include "ring/extension.h"
#include "ring/link.h"

namespace nc::ring {

class Lane {
public:
    // Starts anew. combine may be null if nothing is reduced; item is the size of an element.
    void open(Link& out, Link& in, Combine combine = nullptr, std::size_t item = 1);

    // Adds to what goes out: own data, or an incoming item's.
    void send(const void* data, std::size_t bytes) {
        outgoing_.push_back({static_cast<const std::byte*>(data), bytes, independent});
    }
    void forward(std::size_t incoming) {
        outgoing_.push_back({incoming_[incoming].data, incoming_[incoming].bytes, incoming});
    }

    // Adds to what comes in, and returns the item's number.
    std::size_t receive(void* data, std::size_t bytes) {
        return add({static_cast<std::byte*>(data), nullptr, bytes, Incoming::Kind::Copy});
    }
    // result = own op incoming; result may be own.
    std::size_t reduce(void* result, const void* own, std::size_t bytes) {
        return add(
            {static_cast<std::byte*>(result), static_cast<const std::byte*>(own), bytes, Incoming::Kind::Combine});
    }
    // What only passes through: receives into transit, combined with own unless that is null, and forwards from there.
    // transit is the same for all such items.
    void pass(void* transit, const void* own, std::size_t bytes);
    // Exchanges headers with the neighbours before anything else; the incoming one must equal the own.
    void exchange_header(const Header& own);

    // Takes in the neighbour's header if it is there. Throws Error(NC_MISMATCH) if it is another than the own one. For
    // the failure of another lane, or of sending: what the neighbour said before it gave up may be the reason.
    void look_at_header();
    // Whether what came in first, and was copied, begins as a header; then it is that, with what waits behind it.
    bool began_with_header(Header& header) const;

    // Moves what can be moved now; false if that was nothing. Throws Error(NC_PEER_LOST) or Error(NC_MISMATCH).
    bool progress();
    bool done() const { return receiving_done() && sending_done(); }

    // Whether there is room for bytes that are to come.
    bool wants_to_read() const;
    bool sending_done() const { return out_index_ == outgoing_.size(); }
    // Whether there are bytes that could be sent if the connection took them.
    bool wants_to_write() const;

    Link& out() const { return *out_; }
    Link& in() const { return *in_; }

    // Where what is sent next lies, and what is received next goes; null: nothing more is to be.
    const std::byte* next_out() const { return sending_done() ? nullptr : outgoing_[out_index_].data; }
    const std::byte* next_in() const { return receiving_done() ? nullptr : incoming_[in_index_].data; }

private:
    static constexpr std::size_t independent = static_cast<std::size_t>(-1);
    struct Outgoing {
        const std::byte* data;
        std::size_t bytes;
        std::size_t forwards; // the incoming item that it must not overtake
    };
    struct Incoming {
        enum class Kind { Copy, Combine, Header };
        std::byte* data;
        const std::byte* own;
        std::size_t bytes;
        Kind kind;
        std::size_t overwrites = independent; // the outgoing item that it must not overtake
    };

    std::size_t add(const Incoming& item) {
        incoming_.push_back(item);
        return incoming_.size() - 1;
    }
    bool receiving_done() const { return in_index_ == incoming_.size(); }
    bool progress_in();
    bool progress_out();
    // Bytes of the item that may be sent, or have come in, by now.
    std::size_t sendable(const Outgoing& item) const;
    std::size_t receivable(const Incoming& item) const;
    void skip_empty();
    Transfer read_combining(const Incoming& item);

    Link* out_ = nullptr;
    Link* in_ = nullptr;
    Combine combine_ = nullptr;
    std::size_t item_ = 1;
    Header own_header_{};
    Header peer_header_{};

    std::vector<Outgoing> outgoing_;
    std::size_t out_index_ = 0;
    std::size_t out_offset_ = 0;

    std::size_t passed_ = independent; // the last outgoing item that passes through

    std::vector<Incoming> incoming_;
    std::size_t in_index_ = 0;
    std::size_t in_offset_ = 0; // bytes of the item that are in place

    // Where operands arrive that are combined; small enough to stay in a core's cache. Begins with the bytes of an
    // element that has arrived in part.
    std::vector<std::byte> arrivals_;
    std::size_t partial_ = 0;
};

} // namespace nc::ring
