// Bytes that were read from a connection before an operation asked for them, in the order in which they came.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>

namespace nc::ring {

// A queue of chunks of equal length. What has been taken is given back chunk by chunk, so that the memory in use is
// what is held, and a chunk more, whatever the pattern of reading and taking.
class ReadAhead {
public:
    static constexpr std::size_t chunk_size = 64 * 1024;

    // limit: bytes of all chunks together, at least one chunk.
    explicit ReadAhead(std::size_t limit) : most_chunks_(limit < chunk_size ? 1 : limit / chunk_size) {}

    bool is_empty() const { return chunks_.empty(); }
    // Whether there is no room for more.
    bool is_full() const { return chunks_.size() == most_chunks_ && end_ == chunk_size; }

    struct Room {
        std::byte* begin;
        std::size_t bytes;
    };
    // Where the next bytes go; not when full. Then filled() says how many came, which may be none.
    Room room();
    void filled(std::size_t bytes);

    // Moves bytes to the caller; returns how many there were.
    std::size_t take(void* buffer, std::size_t bytes);
    // The same without taking them.
    std::size_t peek(void* buffer, std::size_t bytes) const;

private:
    using Chunk = std::unique_ptr<std::byte[]>;

    const std::size_t most_chunks_;
    std::deque<Chunk> chunks_;
    std::size_t begin_ = 0; // of what is held, in the first chunk
    std::size_t end_ = 0;   // of what is held, in the last chunk
    Chunk next_;            // the room that was given out last, or a chunk to be used again
};

} // namespace nc::ring
