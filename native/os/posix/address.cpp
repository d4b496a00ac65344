#include "os/address.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "os/socket.h"
#include "os/thread.h"

namespace nc {
namespace {

constexpr std::chrono::milliseconds cancellation_interval{50};

// The 16 bytes of an IPv6 address, or of the IPv6 address that an IPv4 one is mapped to.
std::array<unsigned char, 16> host_bytes(const Address::Storage& storage, int family) {
    std::array<unsigned char, 16> bytes{};
    if (family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, storage.data(), sizeof v6);
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    } else if (family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, storage.data(), sizeof v4);
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + 12, &v4.sin_addr, 4);
    }
    return bytes;
}

// What the system calls an end of a connection; empty if there is none.
template <class Ask>
Address asked(int descriptor, Ask ask) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (ask(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return {reinterpret_cast<const sockaddr*>(&storage), length};
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
        if (now >= deadline) fail_rendezvous("no answer from the name service before the deadline");
        if (check) check();
        shared->done.wait_until(lock, check ? std::min(deadline, now + cancellation_interval) : deadline);
    }
    return *shared->lookup;
}

} // namespace

static_assert(sizeof(sockaddr_storage) == sizeof(Address::Storage));

Address::Address(const sockaddr* address, std::uint32_t length)
    : length_(std::min<std::uint32_t>(length, sizeof storage_)) {
    std::memcpy(storage_.data(), address, length_);
    if (family() != AF_INET6 || length_ < sizeof(sockaddr_in6)) return;
    sockaddr_in6 v6{};
    std::memcpy(&v6, storage_.data(), sizeof v6);
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return;
    sockaddr_in v4{};
#ifdef __APPLE__
    v4.sin_len = sizeof v4;
#endif
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port;
    std::memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    storage_ = {};
    std::memcpy(storage_.data(), &v4, sizeof v4);
    length_ = sizeof v4;
}

Address Address::any_interface(const Address& like, std::uint16_t port) {
    sockaddr_storage any{};
    any.ss_family = static_cast<sa_family_t>(like.family());
    Address address(reinterpret_cast<const sockaddr*>(&any), like.length());
    address.set_port(port);
    return address;
}

Address Address::told(const Storage& storage, std::int64_t length) {
    sockaddr_storage told{};
    std::memcpy(&told, storage.data(), sizeof told);
    const bool is_v4 = told.ss_family == AF_INET && length == static_cast<std::int64_t>(sizeof(sockaddr_in));
    const bool is_v6 = told.ss_family == AF_INET6 && length == static_cast<std::int64_t>(sizeof(sockaddr_in6));
    if (!is_v4 && !is_v6) return {};
    const Address address(reinterpret_cast<const sockaddr*>(&told), static_cast<std::uint32_t>(length));
    return address.port() != 0 ? address : Address();
}

int Address::family() const {
    sockaddr_storage storage{};
    std::memcpy(&storage, storage_.data(), sizeof storage);
    return storage.ss_family;
}

bool Address::is_ipv4() const {
    return family() == AF_INET;
}

bool Address::is_ipv6() const {
    return family() == AF_INET6;
}

std::uint16_t Address::port() const {
    // sin_port and sin6_port lie at the same place, as both structs begin alike.
    sockaddr_in v4{};
    std::memcpy(&v4, storage_.data(), sizeof v4);
    return ntohs(v4.sin_port);
}

void Address::set_port(std::uint16_t port) {
    sockaddr_in v4{};
    std::memcpy(&v4, storage_.data(), sizeof v4);
    v4.sin_port = htons(port);
    std::memcpy(storage_.data(), &v4, sizeof v4);
}

bool Address::is_wildcard() const {
    const auto bytes = host_bytes(storage_, family());
    const auto first = bytes.begin() + (family() == AF_INET ? 12 : 0);
    return length_ != 0 && std::all_of(first, bytes.end(), [](unsigned char byte) { return byte == 0; });
}

bool Address::is_loopback() const {
    return is_ipv4() && host_bytes(storage_, AF_INET)[12] == 127;
}

bool Address::same_host(const Address& other) const {
    return host_bytes(storage_, family()) == host_bytes(other.storage_, other.family());
}

std::string Address::host_key() const {
    const auto bytes = host_bytes(storage_, family());
    return {bytes.begin(), bytes.end()};
}

std::string Address::listening_key() const {
    sockaddr_in6 v6{};
    // The scope tells link-local addresses of several interfaces apart.
    if (family() == AF_INET6) std::memcpy(&v6, storage_.data(), sizeof v6);
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
    return asked(descriptor, ::getsockname);
}

Address Address::remote(int descriptor) {
    return asked(descriptor, ::getpeername);
}

std::optional<Address> numeric(const HostPort& name) {
    if (!is_number(name.port)) return std::nullopt;
    return look_up(name, AI_NUMERICHOST | AI_NUMERICSERV).address;
}

Address resolve(const HostPort& name, Deadline deadline, const std::function<void()>& check) {
    Lookup lookup = look_up(name, AI_NUMERICHOST | (is_number(name.port) ? AI_NUMERICSERV : 0));
    if (lookup.code == EAI_NONAME) lookup = look_up_until(name, deadline, check);
    if (lookup.code == EAI_SYSTEM) fail_rendezvous(system_error_text(lookup.system_error));
    if (lookup.code != 0) fail_rendezvous(gai_strerror(lookup.code));
    if (!lookup.address.has_value()) fail_rendezvous("it has neither an IPv4 nor an IPv6 address");
    return *lookup.address;
}

bool Interface::joins(const Address& a, const Address& b) const {
    if (a.family() != b.family() || a.family() != address.family()) return false;
    const std::string left = a.host_key();
    const std::string right = b.host_key();
    const std::size_t first = left.size() - mask.size();
    for (std::size_t i = 0; i < mask.size(); ++i) {
        const auto differing = static_cast<unsigned char>(left[first + i] ^ right[first + i]);
        if ((differing & mask[i]) != 0) return false;
    }
    return true;
}

std::vector<Interface> interfaces() {
    std::vector<Interface> found;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return found;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr) continue;
        const int family = entry->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        const bool is_v4 = family == AF_INET;
        const std::uint32_t length = is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        // BSD shortens a mask's trailing zeros away, and its family too.
        std::uint32_t mask_length = length;
#ifdef __APPLE__
        mask_length = std::min<std::uint32_t>(length, entry->ifa_netmask->sa_len);
#endif
        sockaddr_storage mask{};
        std::memcpy(&mask, entry->ifa_netmask, mask_length);
        const auto* bytes = reinterpret_cast<const unsigned char*>(&mask) +
                            (is_v4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr));
        found.push_back({Address(entry->ifa_addr, length), {bytes, bytes + (is_v4 ? 4 : 16)}});
    }
    return found;
}

std::optional<Address> preferred_source(const Address& other) {
    const Descriptor asking = open_socket(other.family(), SOCK_DGRAM);
    if (::connect(asking.get(), other.get(), other.length()) != 0) return std::nullopt;
    return Address::local(asking.get());
}

} // namespace nc
