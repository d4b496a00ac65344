#include "ring/read_ahead.h"

#include <algorithm>
#include <cstring>

namespace nc::ring {

ReadAhead::Room ReadAhead::room() {
    if (!chunks_.empty() && end_ < chunk_size) return {chunks_.back().get() + end_, chunk_size - end_};
    // Not initialised: most looks find nothing to read.
    if (next_ == nullptr) next_ = std::make_unique_for_overwrite<std::byte[]>(chunk_size);
    return {next_.get(), chunk_size};
}

void ReadAhead::filled(std::size_t bytes) {
    if (bytes == 0) return;
    if (!chunks_.empty() && end_ < chunk_size) {
        end_ += bytes;
        return;
    }
    chunks_.push_back(std::move(next_));
    end_ = bytes;
}

std::size_t ReadAhead::take(void* buffer, std::size_t bytes) {
    auto* to = static_cast<std::byte*>(buffer);
    std::size_t taken = 0;
    while (taken < bytes && !chunks_.empty()) {
        const std::size_t end = chunks_.size() == 1 ? end_ : chunk_size;
        const std::size_t part = std::min(bytes - taken, end - begin_);
        std::memcpy(to + taken, chunks_.front().get() + begin_, part);
        taken += part;
        begin_ += part;
        if (begin_ < end) break;
        next_ = std::move(chunks_.front());
        chunks_.pop_front();
        begin_ = 0;
    }
    return taken;
}

std::size_t ReadAhead::peek(void* buffer, std::size_t bytes) const {
    if (chunks_.empty()) return 0;
    const std::size_t end = chunks_.size() == 1 ? end_ : chunk_size;
    const std::size_t seen = std::min(bytes, end - begin_);
    std::memcpy(buffer, chunks_.front().get() + begin_, seen);
    return seen;
}

} // namespace nc::ring
