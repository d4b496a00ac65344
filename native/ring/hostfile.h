// The hostfile: which addresses every rank listens on. Source: mlx-ring-wire.md, section 1.2.
#pragma once

#include <string>
#include <vector>

#include "base/cancellation.h"
#include "os/address.h"

namespace nc::ring {

// No group has more ranks, and no rank more addresses: a host has no more ports.
constexpr std::size_t most_ranks = 65'536;
constexpr std::size_t most_addresses = 65'535;

struct Hosts {
    // Where it came from, as messages name it: "the hostfile /tmp/hosts.json".
    std::string source;
    // addresses[rank][i]; every rank has equally many, at least one. Empty for a blank file: a group of one.
    std::vector<std::vector<HostPort>> addresses;

    int size() const { return addresses.empty() ? 1 : static_cast<int>(addresses.size()); }
    int sockets() const { return addresses.empty() ? 0 : static_cast<int>(addresses.front().size()); }
};

// Parses a hostfile's text. Throws Error(NC_RENDEZVOUS_FAILED) that names the source, the rank and the address.
// A JSON array of one entry per rank; an entry is an array of "host:port" strings, or one such string. Port 0 is taken
// here: RankAddresses refuses it where a port is needed.
Hosts parse_hosts(const std::string& text, const std::string& source);

// Reads and parses a file, as read_small_file().
Hosts read_hostfile(const std::string& path, Deadline deadline, const Cancellation& cancellation);

// The address as it was written.
std::string written(const HostPort& address);

} // namespace nc::ring
