#include "ring/neighbour_check.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "net/socket.h"

namespace nc::ring {
namespace {

// An address of this machine, and how many leading bits of it name its network.
struct Interface {
    Address address;
    std::vector<unsigned char> mask;
};

std::vector<unsigned char> bytes_of(const Address& address) {
    const unsigned char* begin = nullptr;
    std::size_t size = 0;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (address.family() == AF_INET) {
        std::memcpy(&v4, address.get(), sizeof v4);
        begin = reinterpret_cast<const unsigned char*>(&v4.sin_addr);
        size = sizeof v4.sin_addr;
    } else if (address.family() == AF_INET6) {
        std::memcpy(&v6, address.get(), sizeof v6);
        begin = reinterpret_cast<const unsigned char*>(&v6.sin6_addr);
        size = sizeof v6.sin6_addr;
    }
    return {begin, begin + size};
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
        const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        // BSD shortens a mask's trailing zeros away, and its family too.
        socklen_t mask_length = length;
#ifdef __APPLE__
        mask_length = std::min<socklen_t>(length, entry->ifa_netmask->sa_len);
#endif
        sockaddr_storage mask{};
        std::memcpy(&mask, entry->ifa_netmask, mask_length);
        mask.ss_family = static_cast<sa_family_t>(family);
        found.push_back(
            {Address(entry->ifa_addr, length), bytes_of(Address(reinterpret_cast<const sockaddr*>(&mask), length))});
    }
    return found;
}

bool same_network(const Address& a, const Address& b, const std::vector<unsigned char>& mask) {
    const auto left = bytes_of(a);
    const auto right = bytes_of(b);
    if (left.size() != right.size() || left.size() != mask.size()) return false;
    for (std::size_t i = 0; i < mask.size(); ++i) {
        if (((left[i] ^ right[i]) & mask[i]) != 0) return false;
    }
    return true;
}

bool is_loopback(const Address& address) {
    const auto bytes = bytes_of(address);
    return address.family() == AF_INET && bytes[0] == 127;
}

bool is_own(const Address& address, const std::vector<Interface>& own) {
    return is_loopback(address) || std::any_of(own.begin(), own.end(), [&](const Interface& interface) {
               return interface.address.same_host(address);
           });
}

// The source address that this machine would use towards the door; asking costs no packet.
std::optional<Address> preferred_source(const Address& door) {
    const Descriptor asking = open_socket(door.family(), SOCK_DGRAM);
    if (::connect(asking.get(), door.get(), door.length()) != 0) return std::nullopt;
    return Address::local(asking.get());
}

} // namespace

NeighbourCheck::NeighbourCheck(std::vector<Address> listed) : listed_(std::move(listed)) {
    for (const Address& address : listed_) hosts_.insert(address.host_key());
}

bool NeighbourCheck::may_be(const Address& source, const Address& door) const {
    if (hosts_.contains(source.host_key())) return true;
    const std::vector<Interface> own = interfaces();
    if (std::any_of(listed_.begin(), listed_.end(), [&](const Address& listed) { return is_own(listed, own); })) {
        const std::optional<Address> preferred = preferred_source(door);
        return !preferred.has_value() || preferred->same_host(source);
    }
    for (const Interface& interface : own) {
        if (!same_network(door, interface.address, interface.mask)) continue;
        if (std::any_of(listed_.begin(), listed_.end(),
                        [&](const Address& listed) { return same_network(listed, door, interface.mask); }))
            return false;
    }
    return true;
}

} // namespace nc::ring
