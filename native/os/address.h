// Internet addresses: what a name resolves to, and how the hosts of this machine's networks are told apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

struct sockaddr;

namespace nc {

// An address as it is written, in its two parts.
struct HostPort {
    std::string host;
    std::string port;
};

// A resolved address and port. An IPv4 address that is mapped into IPv6, as an IPv6 socket that hears IPv4 too reports
// it, becomes that IPv4 address.
class Address {
public:
    // The bytes that the system has for an address, as ranks on systems of one kind tell it each other.
    using Storage = std::array<std::byte, 128>;

    Address() = default;
    Address(const sockaddr* address, std::uint32_t length);
    // Every interface of this machine, of the same family as the other.
    static Address any_interface(const Address& like, std::uint16_t port);
    // What a peer has told; none if these bytes are no address with a port.
    static Address told(const Storage& storage, std::int64_t length);

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(storage_.data()); }
    std::uint32_t length() const { return length_; }
    const Storage& storage() const { return storage_; }
    int family() const;
    bool is_ipv4() const;
    bool is_ipv6() const;
    std::uint16_t port() const;
    void set_port(std::uint16_t port);

    // Whether it stands for all addresses of this machine: 0.0.0.0 or [::].
    bool is_wildcard() const;
    bool is_loopback() const;

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
    alignas(std::uint64_t) Storage storage_{};
    std::uint32_t length_ = 0;
};

// The first IPv4 address that the host name and port (or service) stand for, else the first IPv6 one. Throws
// Error(NC_RENDEZVOUS_FAILED) that says why there is none; it does not name the host. check, if there is one, is called
// every few milliseconds while a name service is waited for, and ends the wait by an Error of its own.
Address resolve(const HostPort& name, Deadline deadline, const std::function<void()>& check = nullptr);

// The address if host and port are numbers: no name service is asked.
std::optional<Address> numeric(const HostPort& name);

// An address of this machine, and which bits of it name its network.
struct Interface {
    Address address;
    std::vector<unsigned char> mask;

    // Whether both addresses are in one network with such a mask.
    bool joins(const Address& a, const Address& b) const;
};
// Empty if the system does not tell.
std::vector<Interface> interfaces();

// The address that this machine would call the other one from; asking costs no packet.
std::optional<Address> preferred_source(const Address& other);

} // namespace nc
