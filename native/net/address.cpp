#include "net/address.h"

#include <netinet/in.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "backend/error.h"
#include "backend/thread.h"

namespace nc {
namespace {

constexpr std::chrono::milliseconds check_interval{50};

[[noreturn]] void fail(const std::string& message) {
    throw Error(NC_RENDEZVOUS_FAILED, message);
}

bool is_number(const std::string& port) {
    return !port.empty() && std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

// A service's name, as in /etc/services. getaddrinfo would also take "+80" and " 80", and of a number that is too large
// the lower 16 bits.
bool is_service_name(const std::string& port) {
    return std::isalpha(static_cast<unsigned char>(port.front())) != 0 &&
           std::all_of(port.begin(), port.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '+';
           });
}

// The 16 bytes of an IPv6 address, or of the IPv6 address that an IPv4 one is mapped to.
std::array<unsigned char, 16> host_bytes(const sockaddr_storage& storage) {
    std::array<unsigned char, 16> bytes{};
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &storage, sizeof v6);
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    } else if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + 12, &v4.sin_addr, 4);
    }
    return bytes;
}

struct Lookup {
    int code = 0;
    int system_error = 0;
    std::optional<Address> address;
};

Lookup look_up(const HostPort& name, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    Lookup lookup;
    lookup.code = getaddrinfo(name.host.c_str(), name.port.c_str(), &hints, &found);
    lookup.system_error = errno;
    if (lookup.code != 0) return lookup;
    const addrinfo* chosen = nullptr;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family == AF_INET) {
            chosen = entry;
            break;
        }
        if (entry->ai_family == AF_INET6 && chosen == nullptr) chosen = entry;
    }
    if (chosen != nullptr) lookup.address = Address(chosen->ai_addr, chosen->ai_addrlen);
    freeaddrinfo(found);
    return lookup;
}

// A name server may take its time, and nothing can interrupt getaddrinfo: a thread of its own asks, and is left behind
// at the deadline.
Lookup look_up_until(const HostPort& name, Deadline deadline, const std::function<void()>& check) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable done;
        std::optional<Lookup> lookup;
    };
    if (check) check();
    auto shared = std::make_shared<Shared>();
    start_thread("nc resolve", [shared, name] {
        Lookup lookup = look_up(name, 0);
        const std::lock_guard lock(shared->mutex);
        shared->lookup = std::move(lookup);
        shared->done.notify_all();
    }).detach();
    std::unique_lock lock(shared->mutex);
    while (!shared->lookup.has_value()) {
        const Deadline now = Clock::now();
        if (now >= deadline) fail("no answer from the name service before the deadline");
        if (check) check();
        shared->done.wait_until(lock, check ? std::min(deadline, now + check_interval) : deadline);
    }
    return *shared->lookup;
}

} // namespace

HostPort parse_host_port(const std::string& address, PortZero zero) {
    HostPort parts;
    if (address.starts_with('[')) {
        const std::size_t end = address.find("]:");
        if (end == std::string::npos) fail("an IPv6 address is written \"[address]:port\"");
        parts = {address.substr(1, end - 1), address.substr(end + 2)};
    } else {
        const std::size_t colon = address.find(':');
        if (colon == std::string::npos) fail("it has no port; an address is written \"host:port\"");
        parts = {address.substr(0, colon), address.substr(colon + 1)};
        if (parts.port.find(':') != std::string::npos) fail("an IPv6 address is written \"[address]:port\"");
    }
    if (parts.host.empty()) fail("it has no host; an address is written \"host:port\"");
    if (parts.port.empty()) fail("it has no port; an address is written \"host:port\"");
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(address.begin(), address.end(), is_control)) fail("it contains a control character, such as NUL");
    if (!is_number(parts.port) && !is_service_name(parts.port))
        fail("its port is neither a number nor a service's name");
    const int least = zero == PortZero::Taken ? 0 : 1;
    if (is_number(parts.port) &&
        (parts.port.size() > 5 || std::stoi(parts.port) < least || std::stoi(parts.port) > 65535)) {
        fail(nc::text("the port ", parts.port, " is not in 1..65535"));
    }
    return parts;
}

bool has_port_zero(const HostPort& address) {
    return !address.port.empty() && address.port.find_first_not_of('0') == std::string::npos;
}

Address::Address(const sockaddr* address, socklen_t length) : length_(std::min<socklen_t>(length, sizeof storage_)) {
    std::memcpy(&storage_, address, length_);
    if (family() != AF_INET6 || length_ < sizeof(sockaddr_in6)) return;
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage_, sizeof v6);
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return;
    sockaddr_in v4{};
#ifdef __APPLE__
    v4.sin_len = sizeof v4;
#endif
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port;
    std::memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    storage_ = {};
    std::memcpy(&storage_, &v4, sizeof v4);
    length_ = sizeof v4;
}

std::uint16_t Address::port() const {
    // sin_port and sin6_port lie at the same place, as both structs begin alike.
    sockaddr_in v4{};
    std::memcpy(&v4, &storage_, sizeof v4);
    return ntohs(v4.sin_port);
}

void Address::set_port(std::uint16_t port) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage_, sizeof v4);
    v4.sin_port = htons(port);
    std::memcpy(&storage_, &v4, sizeof v4);
}

bool Address::is_wildcard() const {
    const auto bytes = host_bytes(storage_);
    const auto first = bytes.begin() + (family() == AF_INET ? 12 : 0);
    return length_ != 0 && std::all_of(first, bytes.end(), [](unsigned char byte) { return byte == 0; });
}

bool Address::same_host(const Address& other) const {
    return host_bytes(storage_) == host_bytes(other.storage_);
}

std::string Address::host_key() const {
    const auto bytes = host_bytes(storage_);
    return {bytes.begin(), bytes.end()};
}

std::string Address::listening_key() const {
    sockaddr_in6 v6{};
    // The scope tells link-local addresses of several interfaces apart.
    if (family() == AF_INET6) std::memcpy(&v6, &storage_, sizeof v6);
    return nc::text(host_key(), ' ', port(), ' ', v6.sin6_scope_id);
}

std::string Address::text() const {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    if (length_ == 0 || getnameinfo(get(), length_, host.data(), host.size(), service.data(), service.size(),
                                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return "an unknown address";
    }
    return family() == AF_INET6 ? nc::text('[', host.data(), "]:", service.data())
                                : nc::text(host.data(), ':', service.data());
}

Address Address::local(int descriptor) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

Address Address::remote(int descriptor) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

std::optional<Address> numeric(const HostPort& name) {
    if (!is_number(name.port)) return std::nullopt;
    return look_up(name, AI_NUMERICHOST | AI_NUMERICSERV).address;
}

Address resolve(const HostPort& name, Deadline deadline, const std::function<void()>& check) {
    Lookup lookup = look_up(name, AI_NUMERICHOST | (is_number(name.port) ? AI_NUMERICSERV : 0));
    if (lookup.code == EAI_NONAME) lookup = look_up_until(name, deadline, check);
    if (lookup.code == EAI_SYSTEM) fail(system_error_text(lookup.system_error));
    if (lookup.code != 0) fail(gai_strerror(lookup.code));
    if (!lookup.address.has_value()) fail("it has neither an IPv4 nor an IPv6 address");
    return *lookup.address;
}

} // namespace nc
