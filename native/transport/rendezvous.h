// What every rendezvous needs, whatever its greeting.
#pragma once

#include <cstddef>
#include <string>

#include "os/socket.h"

namespace nc {

// Listens on the address; also_ipv4 as listen_on(). Throws Error(NC_RENDEZVOUS_FAILED) that says why it cannot:
// source: who names the address; machine: where it has to be.
Descriptor listen_at(const Address& address, const std::string& source, bool also_ipv4 = false,
                     const char* machine = "this machine");

// The first callers that were turned away, for messages.
class Strangers {
public:
    Strangers(std::size_t most, const char* separator) : most_(most), separator_(separator) {}

    void note(const std::string& stranger) {
        if (count_++ < most_) named_ += (named_.empty() ? "; turned away " : separator_) + stranger;
    }
    // "; turned away 10.0.0.7:4000 (it does not know the password)"; empty if there was none.
    const std::string& text() const { return named_; }

private:
    const std::size_t most_;
    const std::string separator_;
    std::size_t count_ = 0;
    std::string named_;
};

// Bytes that are on their way in one direction.
struct Progress {
    std::size_t bytes;
    std::size_t moved = 0;
    bool done() const { return moved == bytes; }
};

// Moves what can be moved now. Moved: all of it has been.
Transfer send_some(const Descriptor& connection, const std::byte* data, Progress& progress);
Transfer receive_some(const Descriptor& connection, std::byte* data, Progress& progress);

} // namespace nc
