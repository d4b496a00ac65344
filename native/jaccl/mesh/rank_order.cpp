#include "jaccl/mesh/rank_order.h"

namespace nc::jaccl::mesh {

RankOrder::RankOrder(const Operation& operation, const std::byte* input, std::byte* output, std::size_t bytes,
                     std::size_t message_bytes)
    : operation_(operation),
      input_(input),
      output_(output),
      bytes_(bytes),
      message_bytes_(message_bytes),
      incoming_(operation.scratch()) {}

void RankOrder::receive_in(Exchange& exchange, const Outgoing* own) {
    exchange_ = &exchange;
    own_ = own;
    const std::size_t count = ceil_div(bytes_, message_bytes_);
    for (int peer = 0; peer < operation_.size; ++peer) {
        incoming_.push_back(peer == operation_.rank ? nullptr : &exchange.receive(operation_.group().to(peer), count));
    }
    exchange.on_progress([this] { proceed(); });
}

void RankOrder::proceed() {
    while (message_ < ceil_div(bytes_, message_bytes_) && take_next()) {
        if (++next_ < operation_.size) continue;
        next_ = 0;
        ++message_;
    }
}

bool RankOrder::take_next() {
    const int rank = operation_.rank;
    Incoming* const incoming = incoming_[static_cast<std::size_t>(next_)];
    if (incoming != nullptr && !incoming->has_arrived(message_)) return false;
    // The result may overwrite what is still to be sent.
    if (next_ >= rank && own_ != nullptr && own_->posted <= message_) return false;
    const Range range = piece(bytes_, message_bytes_, message_);
    const std::byte* const own = input_ + range.begin;
    std::byte* const result = output_ + range.begin;
    // Up to this rank's turn the sum grows in the first rank's buffer, since the output may be the input.
    Incoming* const first = incoming_[0];
    if (next_ < rank) {
        if (next_ == 0) return true;
        operation_.combine(first->front(), first->front(), incoming->front(), range.size);
        exchange_->release(*incoming);
    } else if (next_ == rank) {
        if (rank == 0) return true;
        operation_.combine(result, first->front(), own, range.size);
        exchange_->release(*first);
    } else {
        operation_.combine(result, rank == 0 && next_ == 1 ? own : result, incoming->front(), range.size);
        exchange_->release(*incoming);
    }
    return true;
}

} // namespace nc::jaccl::mesh
