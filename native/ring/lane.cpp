#include "ring/lane.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace nc::ring {
namespace {

constexpr std::size_t arrivals_size = 256 * 1024;
// No more is read at once, so that sending gets its turn.
constexpr std::size_t largest_read = 1024 * 1024;

} // namespace

void Lane::open(Link& out, Link& in, Combine combine, std::size_t item) {
    out_ = &out;
    in_ = &in;
    combine_ = combine;
    item_ = item;
    outgoing_.clear();
    incoming_.clear();
    out_index_ = out_offset_ = in_index_ = in_offset_ = partial_ = 0;
    passed_ = independent;
    if (combine != nullptr && arrivals_.empty()) arrivals_.resize(arrivals_size);
}

void Lane::pass(void* transit, const void* own, std::size_t bytes) {
    const std::size_t incoming = own == nullptr ? receive(transit, bytes) : reduce(transit, own, bytes);
    incoming_[incoming].overwrites = std::exchange(passed_, outgoing_.size());
    forward(incoming);
}

void Lane::exchange_header(const Header& own) {
    own_header_ = own;
    send(&own_header_, sizeof own_header_);
    add({reinterpret_cast<std::byte*>(&peer_header_), nullptr, sizeof peer_header_, Incoming::Kind::Header});
}

void Lane::skip_empty() {
    while (!receiving_done() && in_offset_ == incoming_[in_index_].bytes) {
        if (incoming_[in_index_].kind == Incoming::Kind::Header) check_header(own_header_, peer_header_, in_->peer());
        ++in_index_;
        in_offset_ = 0;
    }
    while (!sending_done() && out_offset_ == outgoing_[out_index_].bytes) {
        ++out_index_;
        out_offset_ = 0;
    }
}

void Lane::look_at_header() {
    try {
        while (!receiving_done() && incoming_[in_index_].kind == Incoming::Kind::Header && progress_in()) {}
    } catch (const Error& error) {
        if (error.status == NC_MISMATCH) throw;
    }
}

bool Lane::began_with_header(Header& header) const {
    auto* bytes = reinterpret_cast<std::byte*>(&header);
    std::size_t known = 0;
    for (std::size_t i = 0; i < incoming_.size() && i <= in_index_ && known < sizeof header; ++i) {
        if (incoming_[i].kind != Incoming::Kind::Copy) return false;
        const std::size_t arrived = i < in_index_ ? incoming_[i].bytes : in_offset_;
        const std::size_t part = std::min(arrived, sizeof header - known);
        if (part > 0) std::memcpy(bytes + known, incoming_[i].data, part);
        known += part;
        // Nearly all data end here.
        if (known >= sizeof header.magic && !begins_header(header)) return false;
    }
    // A connection may fail before anything of what waits on it has been read. Where nothing more is expected, what
    // waits is the next operation's.
    if (known < sizeof header.magic && receiving_done()) return false;
    if (known < sizeof header) known += in_->peek(bytes + known, sizeof header - known);
    return known == sizeof header && is_header(header);
}

bool Lane::progress() {
    skip_empty();
    bool moved = progress_out();
    if (progress_in()) {
        moved = true;
        progress_out();
    }
    return moved;
}

Transfer Lane::read_combining(const Incoming& item) {
    const std::size_t left = receivable(item) - in_offset_ - partial_;
    const Transfer transfer = in_->read(arrivals_.data() + partial_, std::min(left, arrivals_.size() - partial_));
    const std::size_t arrived = partial_ + transfer.bytes;
    const std::size_t whole = arrived / item_ * item_;
    combine_(item.data + in_offset_, item.own + in_offset_, arrivals_.data(), whole / item_);
    partial_ = arrived - whole;
    std::memmove(arrivals_.data(), arrivals_.data() + whole, partial_);
    in_offset_ += whole;
    return transfer;
}

bool Lane::progress_in() {
    if (!wants_to_read()) return false;
    const Incoming& item = incoming_[in_index_];
    Transfer transfer{};
    if (item.kind == Incoming::Kind::Combine) {
        transfer = read_combining(item);
    } else {
        transfer = in_->read(item.data + in_offset_, std::min(receivable(item) - in_offset_, largest_read));
        in_offset_ += transfer.bytes;
        // Another stream may be too short for a whole header.
        const bool is_partial = item.kind == Incoming::Kind::Header && in_offset_ < item.bytes;
        if (is_partial && in_offset_ >= sizeof peer_header_.magic && !begins_header(peer_header_)) {
            check_header(own_header_, peer_header_, in_->peer());
        }
    }
    if (transfer.state == Transfer::State::Blocked) return false;
    if (transfer.state != Transfer::State::Moved) throw in_->lost(transfer.system_error);
    skip_empty();
    return true;
}

bool Lane::wants_to_read() const {
    return !receiving_done() && receivable(incoming_[in_index_]) > in_offset_ + partial_;
}

std::size_t Lane::receivable(const Incoming& item) const {
    if (item.overwrites == independent || item.overwrites < out_index_) return item.bytes;
    return item.overwrites == out_index_ ? std::min(item.bytes, out_offset_) : 0;
}

std::size_t Lane::sendable(const Outgoing& item) const {
    if (item.forwards == independent || item.forwards < in_index_) return item.bytes;
    return item.forwards == in_index_ ? in_offset_ : 0;
}

bool Lane::wants_to_write() const {
    return !sending_done() && sendable(outgoing_[out_index_]) > out_offset_;
}

bool Lane::progress_out() {
    if (!wants_to_write() || out_->is_blocked()) return false;
    std::array<ConstBuffer, most_buffers> parts{};
    std::size_t count = 0;
    std::size_t offset = out_offset_;
    for (std::size_t index = out_index_; index < outgoing_.size() && count < parts.size(); ++index) {
        const Outgoing& item = outgoing_[index];
        const std::size_t available = sendable(item);
        if (available > offset) parts[count++] = {item.data + offset, available - offset};
        if (available < item.bytes) break;
        offset = 0;
    }
    const Transfer transfer = out_->write(std::span(parts).first(count));
    if (transfer.state == Transfer::State::Blocked) return false;
    if (transfer.state != Transfer::State::Moved) throw out_->lost(transfer.system_error);
    for (std::size_t left = transfer.bytes; left > 0;) {
        const std::size_t taken = std::min(left, outgoing_[out_index_].bytes - out_offset_);
        out_offset_ += taken;
        left -= taken;
        skip_empty();
    }
    return true;
}

} // namespace nc::ring
