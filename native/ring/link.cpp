#include "ring/link.h"

#include <cerrno>

#include "transport/silence.h"

namespace nc::ring {

Transfer Link::read(void* buffer, std::size_t bytes) {
    if (ahead_.is_empty()) return endpoint_->read(buffer, bytes);
    return {Transfer::State::Moved, ahead_.take(buffer, bytes), 0};
}

Transfer Link::write(std::span<const ConstBuffer> parts) {
    std::size_t bytes = 0;
    for (const ConstBuffer& part : parts) bytes += part.bytes;
    const Transfer transfer = endpoint_->write(parts);
    blocked_ = transfer.bytes < bytes;
    return transfer;
}

Transfer Link::read_ahead() {
    if (ahead_.is_full()) return {Transfer::State::Blocked, 0, 0};
    const ReadAhead::Room room = ahead_.room();
    const Transfer transfer = endpoint_->read(room.begin, room.bytes);
    ahead_.filled(transfer.bytes);
    return transfer;
}

std::size_t Link::peek(void* buffer, std::size_t bytes) const {
    return ahead_.is_empty() ? endpoint_->peek(buffer, bytes) : ahead_.peek(buffer, bytes);
}

Error Link::lost(int system_error) const {
    const int reason = system_error != 0 ? system_error : endpoint_->failure();
    // Something was written to a peer that had left, or more was to come from it.
    const bool is_end = reason == 0 || reason == EPIPE;
    const std::string how = is_end                ? "the peer ended it"
                            : reason == ETIMEDOUT ? silence_text(peer_)
                                                  : system_error_text(reason);
    return Error(NC_PEER_LOST,
                 text("the connection to rank ", peer_, " (", endpoint_->description(), ") was lost: ", how), peer_,
                 reason);
}

} // namespace nc::ring
