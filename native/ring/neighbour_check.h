// Telling the neighbour from a stranger. Nothing on the wire identifies a connection, but its source address often
// does.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "os/address.h"

namespace nc::ring {

class NeighbourCheck {
public:
    // listed: the addresses that the neighbour listens on.
    explicit NeighbourCheck(std::vector<Address> listed);

    // Whether a connection that reached door, an address of this host (never 0.0.0.0 or [::], even if that is listened
    // on), may come from the neighbour.
    // It may if it comes from a listed address. A neighbour on this machine comes from the address that this machine
    // prefers for reaching the door. One that has a listed address in the door's own network would have come from that.
    // Otherwise (several networks, as with one cable per pair of hosts) any source may be it.
    bool may_be(const Address& source, const Address& door) const;

private:
    std::vector<Address> listed_;
    std::unordered_set<std::string> hosts_; // theirs, by Address::host_key()
};

} // namespace nc::ring
