// Stream sockets as the rest of the library wants them: non-blocking, closed on exec, without SIGPIPE.
#pragma once

#include <cstddef>
#include <utility>

#include "net/address.h"

namespace nc {

// What a send is called with so that a closed peer raises no SIGPIPE.
#ifdef MSG_NOSIGNAL
inline constexpr int send_flags = MSG_NOSIGNAL;
#else
inline constexpr int send_flags = 0; // open_socket() and accept_from() set SO_NOSIGPIPE instead
#endif

// Owns a descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            close();
            descriptor_ = std::exchange(other.descriptor_, -1);
        }
        return *this;
    }

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    void close();

private:
    int descriptor_ = -1;
};

// A new socket. Throws Error(NC_SYSTEM_ERROR).
Descriptor open_socket(int family, int type = SOCK_STREAM);

// A socket that listens on the address; port 0 stands for a free one. The Error's system_error tells a port in use
// (EADDRINUSE) from an address that is not of this machine (EADDRNOTAVAIL). also_ipv4: [::] is to hear callers over
// IPv4 too, if ipv6_hears_ipv4(); it then needs the port for both.
Descriptor listen_on(const Address& address, int backlog, bool also_ipv4 = false);

// Whether the system lets an IPv6 socket hear callers over IPv4.
bool ipv6_hears_ipv4();

// The next connection that is waiting, or a closed descriptor if there is none. Prepared as open_socket() does.
Descriptor accept_from(const Descriptor& listener);

// What every connection of a group is set to: no delay of small messages, and keep-alive probes, so that a host that
// vanished is noticed while nothing is sent.
void prepare_connection(const Descriptor& connection);

// Whether closing the socket, or the death of the process, is to reset the connection, so that the peer can tell it
// from an orderly end.
void reset_on_close(const Descriptor& connection, bool reset);

// The pending error of a socket, which is cleared; 0 if there is none.
int take_error(int descriptor);

// What can be told of a connection from which nothing has been read yet. Asking takes the connection's error away: of a
// broken one it is told once.
enum class Pulse {
    Quiet,    // open, nothing has arrived
    Speaking, // bytes are waiting, and perhaps an end behind them
    Ended,    // the peer ended it without having sent a byte
    Broken,   // reset or otherwise failed
};
Pulse probe(const Descriptor& connection);

} // namespace nc
