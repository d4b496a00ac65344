#include "ring/neighbour_check.h"

#include <algorithm>
#include <optional>

namespace nc::ring {
namespace {

bool is_own(const Address& address, const std::vector<Interface>& own) {
    return address.is_loopback() || std::any_of(own.begin(), own.end(), [&](const Interface& interface) {
               return interface.address.same_host(address);
           });
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
        if (!interface.joins(door, interface.address)) continue;
        if (std::any_of(listed_.begin(), listed_.end(),
                        [&](const Address& listed) { return interface.joins(listed, door); }))
            return false;
    }
    return true;
}

} // namespace nc::ring
