// What algorithms move bytes over: a full-duplex, ordered stream of bytes. TCP is one; shared memory between ranks of
// one host may be another.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "os/socket.h"

namespace nc {

class Endpoint {
public:
    virtual ~Endpoint() = default;
    virtual Transfer read(void* buffer, std::size_t bytes) = 0;
    // The parts one behind the other; as much as can be written now, and perhaps not all of them.
    virtual Transfer write(std::span<const ConstBuffer> parts) = 0;
    // Bytes that are waiting to be read, without taking them; returns how many there are of so many.
    virtual std::size_t peek(void* buffer, std::size_t bytes) = 0;
    // Becomes readable or writable when a blocked read or write is worth another attempt.
    virtual int descriptor() const = 0;
    // A hint, forgotten after some idle time: what arrives will soon be answered, if only on another endpoint, so that
    // small messages need no acknowledgement of their own.
    virtual void expect_exchange() {}
    // Why the connection is gone, as an errno; 0 if it is not, or the peer has ended it in order. EPIPE: the peer had
    // ended its stream in order, and then closed the connection with bytes of ours unread. May be asked from any
    // thread.
    virtual int failure() = 0;
    // Ends the stream; the peer still receives everything that was written, also if bytes of its own were never read.
    virtual void close() = 0;
    // Ends the stream so that the peer sees a failure.
    virtual void reset() = 0;
    // Both ends, for messages.
    virtual const std::string& description() const = 0;
};

} // namespace nc
