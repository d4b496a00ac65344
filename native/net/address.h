// Internet addresses: what a user writes ("host:port", "[v6]:port"), and what it resolves to.
#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <string>

#include "backend/clock.h"

namespace nc {

// An address as it is written, in its two parts.
struct HostPort {
    std::string host;
    std::string port;
};

// Splits "host:port" or "[v6 literal]:port". Throws Error(NC_RENDEZVOUS_FAILED) that says what is wrong with it; it does not name where the text came from.
HostPort parse_host_port(const std::string& text);

// A resolved address and port.
class Address {
public:
    Address() = default;
    Address(const sockaddr* address, socklen_t length);

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t length() const { return length_; }
    int family() const { return storage_.ss_family; }
    std::uint16_t port() const;
    void set_port(std::uint16_t port);

    // Whether both are the same host; ports do not count, and an IPv4 address mapped into IPv6 is that IPv4 address.
    bool same_host(const Address& other) const;
    bool operator==(const Address& other) const { return same_host(other) && port() == other.port(); }

    // "127.0.0.1:5000", "[::1]:5000".
    std::string text() const;

    // Of a socket's own end, and of its peer's.
    static Address local(int descriptor);
    static Address remote(int descriptor);

private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

// The first IPv4 address that the host name and port (or service) stand for, else the first IPv6 one. Throws Error(NC_RENDEZVOUS_FAILED) that says why there is
// none; it does not name the host.
Address resolve(const HostPort& name, Deadline deadline);

} // namespace nc
