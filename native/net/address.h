// Internet addresses: what a user writes ("host:port", "[v6]:port"), and what it resolves to.
#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>

#include "backend/clock.h"

namespace nc {

// An address as it is written, in its two parts.
struct HostPort {
    std::string host;
    std::string port;
};

// Whether port 0 may be written. It stands for an address that is not known: hostfiles of exo have it for ranks that
// this one never calls.
enum class PortZero { Refused, Taken };

// Splits "host:port" or "[v6 literal]:port". Throws Error(NC_RENDEZVOUS_FAILED) that says what is wrong with it; it
// does not name where the text came from.
HostPort parse_host_port(const std::string& text, PortZero zero = PortZero::Refused);

// Whether the port is the number 0.
bool has_port_zero(const HostPort& address);

// A resolved address and port. An IPv4 address that is mapped into IPv6, as an IPv6 socket that hears IPv4 too reports
// it, becomes that IPv4 address.
class Address {
public:
    Address() = default;
    Address(const sockaddr* address, socklen_t length);

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t length() const { return length_; }
    int family() const { return storage_.ss_family; }
    std::uint16_t port() const;
    void set_port(std::uint16_t port);

    // Whether it stands for all addresses of this machine: 0.0.0.0 or [::].
    bool is_wildcard() const;

    // Whether both are the same host; ports do not count.
    bool same_host(const Address& other) const;
    // Equal for the same host.
    std::string host_key() const;
    // Equal for addresses of which only one can be listened on.
    std::string listening_key() const;
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

// The first IPv4 address that the host name and port (or service) stand for, else the first IPv6 one. Throws
// Error(NC_RENDEZVOUS_FAILED) that says why there is none; it does not name the host. check, if there is one, is called
// every few milliseconds while a name service is waited for, and ends the wait by an Error of its own.
Address resolve(const HostPort& name, Deadline deadline, const std::function<void()>& check = nullptr);

// The address if host and port are numbers: no name service is asked.
std::optional<Address> numeric(const HostPort& name);

} // namespace nc
