// Stream sockets as the rest of the library wants them: non-blocking, closed on exec, without SIGPIPE.
#pragma once

#include <cstddef>
#include <span>

#include "os/address.h"
#include "os/descriptor.h"

namespace nc {

// A new socket; type is the system's, a stream's by default. Throws Error(NC_SYSTEM_ERROR).
Descriptor open_socket(int family);
Descriptor open_socket(int family, int type);

// A socket that listens on the address; port 0 stands for a free one. The Error's system_error tells a port in use
// (EADDRINUSE) from an address that is not of this machine (EADDRNOTAVAIL). also_ipv4: [::] is to hear callers over
// IPv4 too, if ipv6_hears_ipv4(); it then needs the port for both.
Descriptor listen_on(const Address& address, int backlog, bool also_ipv4 = false);

// Whether the system lets an IPv6 socket hear callers over IPv4.
bool ipv6_hears_ipv4();

// A connection that somebody else has opened.
struct Accepted {
    Descriptor connection;
    Address source; // where it comes from
};
// The next one that is waiting; closed if there is none. Prepared as open_socket() does.
Accepted accept_from(const Descriptor& listener);

// Begins to connect a new socket. 0: it is connected. EINPROGRESS: it will be writable when the attempt has ended, and
// take_error() tells how. Otherwise why there is no connection, as an errno.
int connect_to(const Descriptor& socket, const Address& address);

// Whether a connection has met itself: on one machine, an attempt to connect to a port that nobody listens on may.
bool is_connected_to_itself(const Descriptor& connection);

// The outcome of an attempt to move bytes, which never waits.
struct Transfer {
    enum class State {
        Moved,   // bytes > 0 were moved
        Blocked, // nothing can be moved now
        Ended,   // reading: the peer ended its stream, and everything before has been read
        Failed,  // the connection is gone; system_error says why
    };
    State state;
    std::size_t bytes = 0;
    int system_error = 0;
};

// Bytes to be sent.
struct ConstBuffer {
    const void* data;
    std::size_t bytes;
};

Transfer receive_from(const Descriptor& connection, void* buffer, std::size_t bytes);
Transfer send_to(const Descriptor& connection, const void* data, std::size_t bytes);
// The parts one behind the other, as many as one call may move; at most most_buffers.
constexpr std::size_t most_buffers = 8;
Transfer send_to(const Descriptor& connection, std::span<const ConstBuffer> parts);
// Bytes that are waiting, without taking them; returns how many there are of so many.
std::size_t peek_at(const Descriptor& connection, void* buffer, std::size_t bytes);

// What every connection of a group is set to: no delay of small messages.
void send_at_once(const Descriptor& connection);
// No more bytes than about so many are taken before the peer has received some, however well it might go otherwise.
void limit_unreceived(const Descriptor& connection, int bytes);
// For a while: what arrives will soon be answered, if only on another connection, so that small segments need no
// acknowledgement of their own.
void delay_acknowledgements(const Descriptor& connection);

// Whether closing the socket, or the death of the process, is to reset the connection, so that the peer can tell it
// from an orderly end.
void reset_on_close(const Descriptor& connection, bool reset);

// Ends what this side sends; and both directions.
void end_sending(const Descriptor& connection);
void end_stream(const Descriptor& connection);

// Whether there are bytes that have been written, but not sent; what is on its way arrives before anything that
// follows.
bool has_unsent(const Descriptor& connection);

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
