// What ranks of a communicator tell each other. All of them are processes of one machine: bytes are in its order.
#pragma once

#include <cstdint>

namespace nc::doubles {

enum class FrameKind : std::uint32_t {
    Collective = 1, // the sender has begun its collective of this sequence number, and so has room for its data
    CollectiveData, // bytes of the collective follow
    Receive,        // the sender has room for the data of its next receive from the addressee
    SendData,       // bytes of the next send follow
    Split,          // the sender takes part in its next split
    Goodbye,        // the sender has finalized: nothing comes any more
};

struct Frame {
    FrameKind kind;
    std::uint32_t operation = 0;
    std::int32_t type = 0;
    std::int32_t op = 0;
    std::int32_t root = 0;
    std::int32_t color = 0;
    std::int32_t key = 0;
    std::int32_t unused = 0;
    std::uint64_t count = 0;
    std::uint64_t sequence = 0;
    std::uint64_t bytes = 0; // that follow
};
static_assert(sizeof(Frame) == 56);

} // namespace nc::doubles
