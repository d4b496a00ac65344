#include "ring/link.h"

#include <algorithm>
#include <cstring>

#include "net/socket.h"

namespace nc::ring {
namespace {

constexpr std::size_t read_ahead_step = 256 * 1024;
// More than this is not held for a neighbour that sends before it receives.
constexpr std::size_t read_ahead_limit = std::size_t{1} << 30;

} // namespace

Transfer Link::read(void* buffer, std::size_t bytes) {
    const std::size_t held = ahead_.size() - ahead_begin_;
    if (held == 0) return channel_->read(buffer, bytes);
    const std::size_t taken = std::min(bytes, held);
    std::memcpy(buffer, ahead_.data() + ahead_begin_, taken);
    ahead_begin_ += taken;
    if (ahead_begin_ == ahead_.size()) {
        ahead_ = {};
        ahead_begin_ = 0;
    }
    return {Transfer::State::Moved, taken, 0};
}

bool Link::is_full() const {
    return ahead_.size() - ahead_begin_ >= read_ahead_limit;
}

Transfer Link::read_ahead() {
    const std::size_t held = ahead_.size();
    if (is_full()) return {Transfer::State::Blocked, 0, 0};
    ahead_.resize(held + read_ahead_step);
    const Transfer transfer = channel_->read(ahead_.data() + held, read_ahead_step);
    ahead_.resize(held + transfer.bytes);
    return transfer;
}

Error Link::lost(int system_error) const {
    const int reason = system_error != 0 ? system_error : take_error(channel_->descriptor());
    const std::string how = reason != 0 ? system_error_text(reason) : std::string("the peer ended it");
    return Error(NC_PEER_LOST, text("the connection to rank ", peer_, " (", channel_->description(), ") was lost: ", how), peer_, reason);
}

} // namespace nc::ring
