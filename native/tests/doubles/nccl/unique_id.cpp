#include "doubles/nccl/unique_id.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>

#include "base/error.h"
#include "doubles/nccl/library.h"

namespace nc::doubles {
namespace {

constexpr char id_magic[] = "nc double"; // at the beginning of every id

// FNV-1a; two beginnings give two words.
std::uint64_t hashed(std::string_view value, std::uint64_t beginning) {
    std::uint64_t hash = 0xcbf29ce484222325 ^ beginning;
    for (const char c : value) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

Identity identity_from(std::string_view value) {
    return {{hashed(value, 0), hashed(value, 0x9e3779b97f4a7c15)}};
}

Identity random_identity() {
    std::random_device random;
    const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
    return {{word(), word()}};
}

// <host>:<port>, the host in brackets if it is an address with colons.
bool is_address(std::string_view value) {
    const std::size_t colon = value.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view host = value.substr(0, colon);
    const std::string_view digits = value.substr(colon + 1);
    if (host.find(':') != std::string_view::npos && !(host.front() == '[' && host.back() == ']')) return false;
    unsigned port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc() && end == digits.data() + digits.size() && port >= 1 && port <= 65535;
}

} // namespace

std::string Identity::text() const {
    char characters[33];
    std::snprintf(characters, sizeof characters, "%016llx%016llx", static_cast<unsigned long long>(bits[0]),
                  static_cast<unsigned long long>(bits[1]));
    return characters;
}

ncclUniqueId make_unique_id() {
    const char* address = std::getenv("NCCL_COMM_ID");
    if (address != nullptr && !is_address(address))
        throw NcclError(ncclInvalidArgument, nc::text("NCCL_COMM_ID is '", address,
                                                      "', which is no <host>:<port> and no [<IPv6 address>]:<port>"));
    const Identity identity = address != nullptr ? identity_from(address) : random_identity();
    ncclUniqueId id{};
    std::memcpy(id.internal, id_magic, sizeof id_magic);
    std::memcpy(id.internal + sizeof id_magic, identity.bits.data(), sizeof identity.bits);
    return id;
}

Identity identity_of(const ncclUniqueId& id) {
    if (std::memcmp(id.internal, id_magic, sizeof id_magic) != 0)
        throw NcclError(ncclInvalidArgument, "the unique id is none that ncclGetUniqueId made");
    Identity identity{};
    std::memcpy(identity.bits.data(), id.internal + sizeof id_magic, sizeof identity.bits);
    return identity;
}

Identity derived_identity(const Identity& parent, std::uint64_t split, int color) {
    return identity_from(nc::text(parent.text(), '/', split, '/', color));
}

} // namespace nc::doubles
